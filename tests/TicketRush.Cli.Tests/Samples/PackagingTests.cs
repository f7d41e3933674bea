using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace TicketRush.Cli.Tests.Samples;

/// <summary>What docs/OPERATING.md tells people to install is taken by the programs that it is for.</summary>
public sealed class PackagingTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Systemd_takes_the_unit_and_would_not_take_a_broken_one(bool broken)
    {
        var directory = Directory.CreateTempSubdirectory("rush-unit-");
        try
        {
            // The program is not installed here; any other stands in for it.
            var unit = (await File.ReadAllTextAsync(Path.Combine(ShopTests.Root(), "packaging", "ticketrush.service")))
                .Replace("/opt/ticketrush/rush", "/bin/true", StringComparison.Ordinal);
            var path = Path.Combine(directory.FullName, "ticketrush.service");
            await File.WriteAllTextAsync(path, broken ? unit.Replace("Restart=always", "Restart=perhaps", StringComparison.Ordinal) : unit);
            var (code, output) = await RunAsync("systemd-analyze", "verify", path);
            Assert.True(broken ? output.Contains("perhaps", StringComparison.Ordinal) : (code, output) == (0, ""), $"{code}: {output}");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nginx_takes_its_configuration_and_would_not_take_a_broken_one(bool broken)
    {
        var directory = Directory.CreateTempSubdirectory("rush-nginx-");
        try
        {
            using var key = RSA.Create(2048);
            using var certificate = new CertificateRequest("CN=tickets.example", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            var site = (await File.ReadAllTextAsync(Path.Combine(ShopTests.Root(), "packaging", "nginx.conf")))
                .Replace("/etc/ssl", directory.FullName, StringComparison.Ordinal)
                .Replace("listen 80", "listen 18080", StringComparison.Ordinal)
                    .Replace("listen [::]:80", "listen [::]:18080", StringComparison.Ordinal)
                .Replace("listen 443", "listen 18443", StringComparison.Ordinal)
                    .Replace("listen [::]:443", "listen [::]:18443", StringComparison.Ordinal);
            if (broken) site = site.Replace("proxy_buffering off;", "proxy_bufferring off;", StringComparison.Ordinal);
            await File.WriteAllTextAsync(Path.Combine(directory.FullName, "tickets.example.pem"), certificate.ExportCertificatePem());
            await File.WriteAllTextAsync(Path.Combine(directory.FullName, "tickets.example.key"), key.ExportPkcs8PrivateKeyPem());
            var path = Path.Combine(directory.FullName, "nginx.conf");
            await File.WriteAllTextAsync(path, $"pid {directory.FullName}/pid; error_log stderr; events {{ }} http {{ access_log off; client_body_temp_path {directory.FullName}; proxy_temp_path {directory.FullName}/p;\n{site}\n}}\n");
            var (code, output) = await RunAsync("nginx", "-t", "-q", "-p", directory.FullName, "-c", path);
            Assert.True(broken ? code != 0 && output.Contains("bufferring", StringComparison.Ordinal) : code == 0, $"{code}: {output}");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task<(int Code, string Output)> RunAsync(string program, params string[] arguments)
    {
        string[] folders = [.. Environment.GetEnvironmentVariable("PATH")!.Split(':'), "/usr/sbin"];
        var found = folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
        if (found is null) Assert.Skip($"needs {program}");
        using var process = Process.Start(
            new ProcessStartInfo(found, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, (await output + await error).Trim());
    }
}
