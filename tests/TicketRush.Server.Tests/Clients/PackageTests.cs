using System.Diagnostics;
using System.IO.Compression;
using System.Xml.Linq;
using TicketRush.Client;

namespace TicketRush.Server.Tests.Clients;

/// <summary>The client as others get it.</summary>
[Trait("Foreign", "true")]
public sealed class PackageTests
{
    [Fact]
    public async Task It_is_packed_with_what_a_package_needs_and_depends_on_nothing()
    {
        var folder = Directory.CreateTempSubdirectory("rush-package-");
        try
        {
            // What is built, nothing fetched: no source of packages is needed, and none is asked.
            var project = Path.Combine(DescriptionTests.Root(), "src", "TicketRush.Client");
            var built = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
            var (code, output) = await RunAsync(
                project, "pack", "--no-build", "--no-restore", "-c", built, "-o", folder.FullName, "-nologo", "-nodeReuse:false");
            Assert.True(code == 0, output);

            using var package = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(folder.FullName)));
            var files = package.Entries.Select(entry => entry.FullName)
                .Where(name => name.Split('/')[0] is not ("_rels" or "package" or "[Content_Types].xml")).Order(StringComparer.Ordinal)
                .ToArray();
            Assert.Equal(
                ["README.md", "TicketRush.Client.nuspec", "lib/net10.0/TicketRush.Client.dll", "lib/net10.0/TicketRush.Client.xml"], files);

            var nuspec = XDocument.Parse(Text(package, "TicketRush.Client.nuspec")).Root!.Elements().Single();
            string? Of(string name) => nuspec.Elements().SingleOrDefault(element => element.Name.LocalName == name)?.Value;
            Assert.Equal(("TicketRush.Client", "MIT", "README.md"), (Of("id"), Of("license"), Of("readme")));
            Assert.False(string.IsNullOrWhiteSpace(Of("description")));
            Assert.False(string.IsNullOrWhiteSpace(Of("tags")));
            Assert.False(string.IsNullOrWhiteSpace(Of("authors")));
            Assert.Equal(typeof(TerminalClient).Assembly.GetName().Version!.ToString(3), Of("version"));
            Assert.DoesNotContain(nuspec.Descendants(), element => element.Name.LocalName == "dependency");
            Assert.Contains("RushUnknownException", Text(package, "README.md"), StringComparison.Ordinal);

            // Every public member says what it is, members of records too.
            var said = XDocument.Parse(Text(package, "lib/net10.0/TicketRush.Client.xml")).Descendants("member")
                .ToDictionary(member => member.Attribute("name")!.Value);
            var types = typeof(TerminalClient).Assembly.GetExportedTypes();
            Assert.True(types.Length > 20);
            foreach (var type in types)
            {
                Assert.NotEmpty(said[$"T:{type.FullName}"].Value.Trim());
                foreach (var property in type.GetProperties().Where(property => property.DeclaringType == type))
                {
                    var about = said.GetValueOrDefault($"P:{type.FullName}.{property.Name}") ?? ParameterOf(type, property.Name);
                    Assert.False(string.IsNullOrWhiteSpace(about?.Value), $"{type}.{property.Name}");
                }
            }

            // What is said of a record's members may stand with the record.
            XElement? ParameterOf(Type type, string name) => said[$"T:{type.FullName}"].Elements("param")
                .SingleOrDefault(param => param.Attribute("name")!.Value == name);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void It_refers_to_nothing_but_the_runtime() => Assert.All(
        typeof(TerminalClient).Assembly.GetReferencedAssemblies(),
        reference => Assert.StartsWith("System.", reference.Name, StringComparison.Ordinal));

    private static string Text(ZipArchive package, string name)
    {
        using var reader = new StreamReader(package.GetEntry(name)!.Open());
        return reader.ReadToEnd();
    }

    private static async Task<(int Code, string Output)> RunAsync(string directory, params string[] arguments)
    {
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet";
        var start = new ProcessStartInfo(dotnet, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(3));
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return (process.ExitCode, await output + await error);
    }
}
