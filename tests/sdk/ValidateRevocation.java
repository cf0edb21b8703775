import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateRevokedException;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.PKIXRevocationChecker.Option;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Validates leaf.pem with chain.pem, whose last certificate is trusted, in each folder given, and asks whether any of
 * the path is revoked. The first argument says how: ocsp, crl (from where the certificates say; takes
 * -Dcom.sun.security.enableCRLDP=true) or store (lists.pem beside the chain). Prints a line for each folder: "good",
 * "revoked INDEX REASON" (0 is the leaf), or what else is wrong.
 */
public class ValidateRevocation {
    public static void main(String[] arguments) throws Exception {
        for (int i = 1; i < arguments.length; i++) {
            System.out.println(validate(arguments[0], Path.of(arguments[i])));
        }
    }

    private static String validate(String way, Path folder) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        List<X509Certificate> path = read(factory, folder.resolve("leaf.pem"));
        path.addAll(read(factory, folder.resolve("chain.pem")));
        X509Certificate root = path.remove(path.size() - 1);

        CertPathValidator validator = CertPathValidator.getInstance("PKIX");
        PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
        // One way, no other if it fails, and no failure that is overlooked.
        boolean asks = way.equals("ocsp");
        checker.setOptions(asks ? Set.of(Option.NO_FALLBACK) : Set.of(Option.PREFER_CRLS, Option.NO_FALLBACK));
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
        parameters.addCertPathChecker(checker);
        if (way.equals("store")) {
            var lists = factory.generateCRLs(new ByteArrayInputStream(Files.readAllBytes(folder.resolve("lists.pem"))));
            parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists)));
        }
        CertPath certPath = factory.generateCertPath(path);
        try {
            validator.validate(certPath, parameters);
            return "good";
        } catch (CertPathValidatorException wrong) {
            if (wrong.getCause() instanceof CertificateRevokedException revoked) {
                return "revoked " + wrong.getIndex() + " " + revoked.getRevocationReason();
            }
            return wrong + " at " + wrong.getIndex() + ", cause: " + wrong.getCause();
        }
    }

    private static List<X509Certificate> read(CertificateFactory factory, Path file) throws Exception {
        List<X509Certificate> certificates = new ArrayList<>();
        for (var certificate : factory.generateCertificates(new ByteArrayInputStream(Files.readAllBytes(file)))) {
            certificates.add((X509Certificate) certificate);
        }
        return certificates;
    }
}
