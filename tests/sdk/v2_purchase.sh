#!/usr/bin/env bash
# The historical API of SSL certificates, as a script of its time uses it: curl, a token, and nothing else. It calls all 21
# operations, from purchases to certificates that are issued after their domain names were proven.
#
# It is told by the environment:
#   OPENCCM_URL, OPENCCM_ACCOUNT, OPENCCM_USER, OPENCCM_PASSWORD, OPENCCM_PROJECT   where and how to sign in
#   DNS_RECORDS   a file: a line NAME KIND VALUE makes a record in the DNS
#   WEB_FOLDER    a folder: what is in it is shown at 127.0.0.1 and files.example.org
# Names below example.com need no proof.
set -euo pipefail
: "${OPENCCM_URL:?}" "${OPENCCM_ACCOUNT:?}" "${OPENCCM_USER:?}" "${OPENCCM_PASSWORD:?}" "${OPENCCM_PROJECT:?}"
: "${DNS_RECORDS:?}" "${WEB_FOLDER:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
deadline=$((SECONDS + 90))

fail() {
  echo "v2_purchase: $*" >&2
  exit 1
}

# request METHOD PATH [CURL ARGUMENT...]: prints the answer's body; its status is in $work/status.
request() {
  local method=$1 path=$2
  shift 2
  curl --silent --show-error --max-time 30 --request "$method" "$OPENCCM_URL$path" --output "$work/body" \
    --write-out '%{http_code}' --header "X-Auth-Token: $token" "$@" >"$work/status"
  cat "$work/body"
}

# api METHOD PATH [JSON]: prints the body of an answer, which must be 200.
api() {
  local method=$1 path=$2
  request "$method" "/v2/$project/scm$path" ${3:+--header 'Content-Type: application/json' --data "$3"} >/dev/null
  [[ $(<"$work/status") == 200 ]] || fail "$method $path: $(<"$work/status") $(<"$work/body")"
  cat "$work/body"
}

# refused CODE METHOD PATH [JSON]: the answer must be this error.
refused() {
  local code=$1 method=$2 path=$3 answer
  answer=$(request "$method" "/v2/$project/scm$path" ${4:+--header 'Content-Type: application/json' --data "$4"})
  [[ $(jq --raw-output .error_code <<<"$answer") == "$code" ]] || fail "$method $path: $answer instead of $code"
}

# expect JQ-CONDITION: reads JSON, for which the condition must hold.
expect() {
  local answer
  answer=$(cat)
  jq --exit-status "$1" <<<"$answer" >/dev/null || fail "not $1: $answer"
}

# purchase DOMAIN-TYPE DOMAIN-NUMBERS [CERTIFICATE-TYPE]: prints the certificate's id. The blanks are those of the examples.
purchase() {
  local body answer
  body=$(jq --null-input --arg type "${3:-DV_SSL_CERT} " --arg domains "$1 " --argjson numbers "$2" '{
    cert_brand: "GLOBALSIGN", cert_type: $type, domain_type: $domains, effective_time: 1, domain_numbers: $numbers,
    order_number: 1, agree_privacy_protection: true}')
  answer=$(api POST /cert/purchase "$body")
  expect '.order_id | test("^CS[0-9]{10}[0-9A-Z]{5}$")' <<<"$answer"
  expect '.cert | length == 1' <<<"$answer"
  jq --raw-output '.cert[0].cert_id' <<<"$answer"
}

# application DOMAIN [SANS]: prints the body of an application; unused fields are empty, as in the examples.
application() {
  jq --null-input --arg domain "$1" --arg sans "${2:-}" '{
    domain: $domain, sans: $sans, csr: "", company_name: "", company_unit: "", company_province: "", company_city: "",
    country: "", applicant_name: "Alice", applicant_phone: "13087654321", applicant_email: "alice@example.com",
    contact_name: "", contact_phone: "", contact_email: "", agree_privacy_protection: true}'
}

status() { api GET "/cert/$1" | jq --raw-output .status; }

# await ID STATUS: waits until a certificate has a status.
await() {
  until [[ $(status "$1") == "$2" ]]; do
    ((SECONDS < deadline)) || fail "$1 is $(status "$1") and not $2: $(api GET "/cert/$1/domain-verify")"
    sleep 0.2
  done
}

# ---- A token

identity=$(jq --null-input --arg user "$OPENCCM_USER" --arg password "$OPENCCM_PASSWORD" --arg account "$OPENCCM_ACCOUNT" \
  --arg project "$OPENCCM_PROJECT" '{auth: {
    identity: {methods: ["password"], password: {user: {name: $user, password: $password, domain: {name: $account}}}},
    scope: {project: {name: $project}}}}')
curl --silent --show-error --fail --max-time 30 --dump-header "$work/headers" --output "$work/token.json" \
  --header 'Content-Type: application/json' --data "$identity" "$OPENCCM_URL/v3/auth/tokens"
token=$(tr -d '\r' <"$work/headers" | sed -n 's/^x-subject-token: //Ip')
project=$(jq --raw-output .token.project.id "$work/token.json")

# ---- What there is to buy

product=$(api GET /cert/product | jq '[.type_list[] | select(.cert_type == "OV_SSL_CERT" and .effective_time == 2)][0]')
expect '.product_id | test("^[0-9]+-[0-9]+-[0-9]--[0-9]$")' <<<"$product"
api GET "/product/$(jq --raw-output .product_id <<<"$product")" |
  expect ". == ($product | {cert_type, cert_brand, domain_type, effective_time})"
refused SCM.0017 GET /product/00301-000000-9--9

# ---- A certificate for one name: saved, read, applied for

shop=$(purchase SINGLE_DOMAIN 1)
[[ $shop =~ ^scs[0-9]{13}$ && $(status "$shop") == PAID ]] || fail "$shop is $(status "$shop")"
api POST "/cert/$shop/read" | expect '.domain_name == "" and .CSR == null and .bl == "0" and .tl == "0"'
api POST "/cert/$shop/save" "$(application shop.example.org)" | expect '. == {request_info: "success"}'
api POST "/cert/$shop/read" | expect '.domain_name == "shop.example.org" and .applicant_name == "Alice" and .sans == ""'
[[ $(status "$shop") == PAID ]] || fail "saved is not applied"
refused SCM.0010 POST "/cert/$shop/cancel-cert"
refused SCM.0010 GET "/cert/$shop/domain-verify"
api POST "/cert/$shop/complete" "$(application shop.example.org)" | expect '. == {request_info: "success"}'
refused SCM.0010 POST "/cert/$shop/complete" "$(application shop.example.org)"

# ---- An IP address and a name, both proven by files

address=$(purchase SINGLE_DOMAIN 1)
api POST "/cert/$address/complete" "$(application 127.0.0.1)" | expect '.request_info == "success"'
files=$(purchase SINGLE_DOMAIN 1)
api POST "/cert/$files/complete" "$(application files.example.org | jq '.domain_method = "FILE"')" |
  expect '.request_info == "success"'

# ---- A certificate for several names, which is given one more

several=$(purchase MULTI_DOMAIN 3)
api POST "/cert/$several/complete" "$(application several.example.com "a.several.example.com")" >/dev/null
await "$several" ISSUED
first_serial=$(request POST "/v3/scm/certificates/$several/export" | jq --raw-output .certificate | openssl x509 -noout -serial)
refused SCM.0067 POST "/cert/$several/supplement" '{"ori_sans": "other.example.com", "add_sans": "b.example.org"}'
refused SCM.0036 POST "/cert/$several/supplement" \
  '{"ori_sans": "a.several.example.com", "add_sans": "b.example.org;c.example.org"}'
api POST "/cert/$several/supplement" \
  '{"ori_sans": "a.several.example.com", "add_sans": "b.example.org", "email": "alice@example.com"}' |
  expect '. == {request_info: "success"}'
[[ $(status "$several") == SUPPLEMENTCHECKING ]] || fail "the added name is not checked"

# ---- Proofs: what is asked for is set up

for id in "$shop" "$several"; do
  # Of those with several names, each has a record of its own.
  api GET "/cert/$id/domain-verify" | expect '.record_type == "TXT" and .domain_method == "DNS"'
  api GET "/cert/$id/domain-verify" | jq --raw-output '.auth[] | select(.status == "checking") |
    "\(.host_record) \(.record_type) \(.record)"' >>"$DNS_RECORDS"
done
api GET "/cert/$shop/domain-verify" | expect '.domain_name == "shop.example.org" and
  .record_name == "_dnsauth.shop.example.org" and .domain_email == null and .applicant_email == "alice@example.com"'
api GET "/cert/$shop" | expect '.auth[0] | .method == "DNS" and .host_record == "_dnsauth.shop.example.org"'
for id in "$address" "$files"; do
  proof=$(api GET "/cert/$id/domain-verify")
  expect '.domain_method == "FILE" and (.record_name | startswith("/.well-known/pki-validation/"))' <<<"$proof"
  file=$WEB_FOLDER$(jq --raw-output .record_name <<<"$proof")
  mkdir -p "$(dirname "$file")"
  jq --raw-output .record_value <<<"$proof" >"$file"
done

# ---- Meanwhile: one for an organization, with pictures, which is taken back

company=$(application company.example.com | jq '.company_name = "Example Ltd" | .company_province = "Sichuan" |
  .company_city = "Chengdu" | .country = "CN"')
organization=$(purchase SINGLE_DOMAIN 1 OV_SSL_CERT)
refused SCM.0005 POST "/cert/$organization/complete" "$(application company.example.com)"
printf '\x89PNG\r\n\x1a\npicture' >"$work/licence.png"
printf 'no picture' >"$work/text.png"
upload() {
  request POST "/v2/$project/scm/cert/$organization/info/$1/upload_authentication" "${@:2}"
}
upload BL --header 'Content-Type: image/png' --data-binary "@$work/licence.png" | expect '.request_info == "success"'
upload TL --form "file=@$work/licence.png" | expect '.request_info == "success"'
upload TL --header 'Content-Type: image/png' --data-binary "@$work/text.png" | expect '.error_code == "SCM.0005"'
upload XX --header 'Content-Type: image/png' --data-binary "@$work/licence.png" | expect '.error_code == "SCM.0005"'
api POST "/cert/$organization/read" | expect '.bl == "1" and .tl == "1"'
api POST "/cert/$organization/complete" "$company" >/dev/null
await "$organization" CHECKING_ORG
api POST "/cert/$organization/cancel-cert" | expect ". == {cert_id: \"$organization\", message: \"success\"}"
await "$organization" PAID
api DELETE "/privacy-protection/$organization" | expect '. == {message: "success"}'
api POST "/cert/$organization/read" | expect '.applicant_name == "" and .company_name == "" and .bl == "0" and .tl == "0"'

# ---- And one that was made elsewhere

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=own.example.net \
  -addext subjectAltName=DNS:own.example.net -keyout "$work/own.key" -out "$work/own.pem" 2>"$work/openssl.log"
openssl req -new -key "$work/own.key" -subj /CN=own.example.net -out "$work/own.csr"
csr=$(sed 's/CERTIFICATE REQUEST/NEW CERTIFICATE REQUEST/' "$work/own.csr")
api POST /check-csr "$(jq --null-input --arg csr "$csr" '{csr: $csr}')" |
  expect '. == {domain_name: "own.example.net", domain: "own.example.net"}'
refused SCM.0034 POST /check-csr '{"csr": "none"}'
own=$(api POST /cert/upload "$(jq --null-input --rawfile cert "$work/own.pem" --rawfile key "$work/own.key" \
  '{cert_name: "own", cert: $cert, private_key: $key}')" | jq --raw-output .cert_id)
refused SCM.0012 POST /cert/upload "$(jq --null-input --rawfile cert "$work/own.pem" \
  '{cert_name: "own", cert: $cert, private_key: "none"}')"
api PUT "/cert/$own" '{"modify_key": "CERT_NAME", "modify_value": "own-2"}' | expect '. == {response_info: "success"}'
api PUT "/cert/$own" '{"modify_key": "DESCRIPTION", "modify_value": "made elsewhere"}' >/dev/null
refused SCM.0023 PUT "/cert/$own" '{"modify_key": "COLOUR", "modify_value": "red"}'
refused SCM.0024 PUT "/cert/$own" '{"modify_key": "CERT_NAME"}'
api GET "/cert/$own" | expect '.cert_name == "own-2" and .cert_describe == "made elsewhere" and .status == "UPLOAD" and
  .push_support == "on" and .domain_name == "own.example.net" and .DNS_push_status == "NONE"'
api GET "/certlist?order_status=&content=own-2&sort_key=&sort_dir=&limit=&offset=" | expect ".total == 1 and
  (.order_list[0] | .cert_id == \"$own\" and .order_status == \"UPLOAD\" and .order_state == \"UPLOAD\")"
api GET "/certlist?order_status=CHECKING&limit=50&offset=0" | expect '.total <= 3 and (.free_remain | type == "number")'

# ---- All of them are issued

for id in "$shop" "$address" "$files" "$several"; do await "$id" ISSUED; done
api GET "/cert/$several" | expect '.domain_name == "several.example.com;a.several.example.com;b.example.org"'

# unpack ID NAME OPTION: downloads the archive to $work/ID; checks chain and key, and by OPTION of openssl verify the NAME.
unpack() {
  local id=$1 name=$2 folder=$work/$1
  request GET "/v2/$project/scm/cert/$id/cert_file" --dump-header "$work/headers" >/dev/null
  [[ $(<"$work/status") == 200 ]] || fail "cert_file: $(<"$work/body")"
  grep -qi '^content-disposition: .*\.zip' "$work/headers" || fail "the archive has no name"
  unzip -q "$work/body" -d "$folder"
  sed -n '/BEGIN/,/END/p' "$folder/Apache/chain.crt" | tr -d '\r' >"$folder/chain.pem"
  # The last certificate is the root.
  tac "$folder/chain.pem" | sed '/BEGIN/q' | tac >"$folder/root.pem"
  openssl verify -x509_strict -CAfile "$folder/root.pem" -untrusted "$folder/chain.pem" "$3" "$name" \
    "$folder/Apache/server.crt" >/dev/null || fail "$id does not verify"
  cmp <(openssl pkey -in "$folder/Apache/server.key" -pubout) <(openssl x509 -in "$folder/Apache/server.crt" -noout -pubkey) ||
    fail "the key of $id is another one's"
}
unpack "$shop" shop.example.org -verify_hostname
unpack "$address" 127.0.0.1 -verify_ip
unpack "$files" files.example.org -verify_hostname
unpack "$several" b.example.org -verify_hostname
[[ $(openssl x509 -in "$work/$several/Apache/server.crt" -noout -serial) != "$first_serial" ]] || fail "it is the old one"
unpack_names=$(ls "$work/$shop")
[[ $unpack_names == *Apache*IIS*Nginx*Tomcat* ]] || fail "the archive has $unpack_names"

# ---- Pushed, revoked, deleted

api POST "/cert/$shop/push" "{\"service_type\": \"WAF\", \"remote_project\": \"$OPENCCM_PROJECT\"}" |
  expect '. == {message: "success"}'
api POST "/cert/$shop/push" '{"service_type": "CDN", "remote_project": ""}' >/dev/null
refused SCM.0075 POST "/cert/$shop/push" '{"service_type": "WAF", "remote_project": "mars"}'
refused SCM.0030 POST "/cert/$shop/push" '{"service_type": "OBS", "remote_project": "mars"}'
api GET "/cert/$shop/push-history" | expect "[.push_history_list[] | [.push_service, .push_remote_project]] ==
  [[\"CDN\", null], [\"WAF\", \"$OPENCCM_PROJECT\"]] and all(.push_history_list[]; .push_time | test(\"^[0-9]{13}$\"))"

refused SCM.0027 POST "/cert/$shop/revoke" '{}'
api POST "/cert/$shop/revoke" '{"reason": "the shop is closed"}' | expect '. == {message: "success"}'
await "$shop" REVOKED
api GET "/cert/$shop" | expect '.revoke_reason == "the shop is closed"'
refused SCM.0010 GET "/cert/$shop/cert_file"
refused SCM.0010 POST "/cert/$shop/revoke" '{"reason": "again"}'
for id in "$shop" "$several" "$address" "$files" "$own"; do
  api DELETE "/cert/$id" | expect '. == {message: "success"}'
  refused SCM.0094 GET "/cert/$id"
done
request GET "/v2/00000000000000000000000000000000/scm/certlist" | expect '.error_code == "SCM.0002"'
echo "v2_purchase: done in $SECONDS s"
