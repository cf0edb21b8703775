import java.io.ByteArrayInputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Validates leaf.pem with chain.pem, whose last certificate is trusted, in each folder given: by PKIX, and as a TLS
 * client checks a server.
 */
public class ValidatePath {
    public static void main(String[] folders) throws Exception {
        for (String folder : folders) {
            validate(Path.of(folder));
        }
    }

    private static void validate(Path folder) throws Exception {
        List<X509Certificate> path = read(folder.resolve("leaf.pem"));
        path.addAll(read(folder.resolve("chain.pem")));
        X509Certificate root = path.remove(path.size() - 1);

        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
        parameters.setRevocationEnabled(false);
        CertPath certPath = CertificateFactory.getInstance("X.509").generateCertPath(path);
        CertPathValidator.getInstance("PKIX").validate(certPath, parameters);

        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        trusted.setCertificateEntry("root", root);
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(trusted);
        X509ExtendedTrustManager manager = (X509ExtendedTrustManager) factory.getTrustManagers()[0];
        String exchange = path.get(0).getPublicKey().getAlgorithm().equals("RSA") ? "ECDHE_RSA" : "ECDHE_ECDSA";
        manager.checkServerTrusted(path.toArray(new X509Certificate[0]), exchange, (Socket) null);
    }

    private static List<X509Certificate> read(Path file) throws Exception {
        List<X509Certificate> certificates = new ArrayList<>();
        var factory = CertificateFactory.getInstance("X.509");
        for (var certificate : factory.generateCertificates(new ByteArrayInputStream(Files.readAllBytes(file)))) {
            certificates.add((X509Certificate) certificate);
        }
        return certificates;
    }
}
