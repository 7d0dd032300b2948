using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Embedding;

/// <summary>
/// Authenticates requests by the header <c>X-Api-Key</c>. It stands for any scheme: cookies, JWT, certificates.
/// </summary>
sealed class ApiKeyHandler(
    IConfiguration configuration,
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder
) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public new const string Scheme = "ApiKey";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(Authenticate());

    AuthenticateResult Authenticate()
    {
        var given = Request.Headers["X-Api-Key"].ToString();
        if (given.Length == 0)
            return AuthenticateResult.NoResult();
        // Without a configured key, every request is rejected.
        var expected = configuration["ApiKey"] is { Length: > 0 } key ? Encoding.UTF8.GetBytes(key) : [];
        if (expected.Length == 0 || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), expected))
            return AuthenticateResult.Fail("The key is not valid.");
        var identity = new ClaimsIdentity([new Claim(ClaimTypes.Name, "shop")], Scheme);
        return AuthenticateResult.Success(new(new ClaimsPrincipal(identity), Scheme));
    }
}
