using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace LogHttp.Server.Tests;

/// <summary>A self-signed certificate for one test.</summary>
static class TestCertificate
{
    public static X509Certificate2 Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(
            DateTimeOffset.UtcNow.AddDays(-1),
            DateTimeOffset.UtcNow.AddDays(1)
        );
    }
}
