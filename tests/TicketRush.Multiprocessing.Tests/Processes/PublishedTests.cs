using System.Runtime.InteropServices;

namespace TicketRush.Multiprocessing.Tests.Processes;

/// <summary>Programs as their users get them.</summary>
public sealed class PublishedTests : IDisposable
{
    private const string Source =
        """
        using TicketRush.Multiprocessing;

        ProcessEntry.Run();

        using var child = new ChildProcess(Multiply, args[0], 6) { Name = "multiplier", Daemon = true };
        child.Start();
        child.Join();
        Console.WriteLine($"{child.ExitCode} {File.ReadAllText(args[0])}");

        static int Multiply(string path, int by)
        {
            File.WriteAllText(path, $"{CurrentProcess.Name}, child of {CurrentProcess.Parent!.Name}");
            return by * 7;
        }
        """;

    private readonly Kids _kids = new();

    [Fact]
    [Trait("Storm", "true")]
    public void Children_work_from_a_console_program_run_either_way_and_from_a_single_file()
    {
        File.WriteAllText(_kids.File("Program.cs"), Source);
        File.WriteAllText(_kids.File("app.csproj"),
            $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net{Environment.Version.Major}.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <EnableSingleFileAnalyzer>false</EnableSingleFileAnalyzer>
              </PropertyGroup>
              <ItemGroup>
                <Reference Include="{typeof(ChildProcess).Assembly.Location}" />
              </ItemGroup>
            </Project>
            """);

        Publish("--output", _kids.File("plain"));
        Check(_kids.File("plain/app"));
        Check("dotnet", _kids.File("plain/app.dll"));

        // By a path that no longer leads there once the program has moved on.
        Check("/bin/sh", "-c", $"cd {_kids.File("plain")} && exec dotnet app.dll \"$0\"");

        Publish("--output", _kids.File("single"), "-p:PublishSingleFile=true");
        Assert.False(File.Exists(_kids.File("single/app.dll")));
        Check(_kids.File("single/app"));
    }

    public void Dispose() => _kids.Dispose();

    private void Publish(params string[] options)
    {
        var (exitCode, output) = Kids.Finish(_kids.StartProgram("dotnet",
        [
            "publish", _kids.File("app.csproj"), "--configuration", "Release", "--runtime", RuntimeInformation.RuntimeIdentifier,
            "--self-contained", "false", "-nologo", "-nodeReuse:false", .. options,
        ]));
        Assert.True(exitCode == 0, output);
    }

    private void Check(string path, params string[] arguments)
    {
        File.Delete(_kids.File("said"));
        var (exitCode, output) = Kids.Finish(_kids.StartProgram(path, [.. arguments, _kids.File("said")]));
        Assert.Equal((0, "42 multiplier, child of MainProcess\n"), (exitCode, output));
    }
}
