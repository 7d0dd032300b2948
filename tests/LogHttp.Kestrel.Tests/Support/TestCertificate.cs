using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace LogHttp.Kestrel.Tests.Support;

/// <summary>The one certificate of the test run, self-signed. Clients trust no other.</summary>
internal static class TestCertificate
{
    internal static readonly X509Certificate2 Instance = Create();

    internal static bool IsTrusted(
        object sender,
        X509Certificate? certificate,
        X509Chain? chain,
        SslPolicyErrors errors
    ) => certificate?.GetCertHashString() == Instance.GetCertHashString();

    private static X509Certificate2 Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
