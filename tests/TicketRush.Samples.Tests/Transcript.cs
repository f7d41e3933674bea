using System.Diagnostics;
using System.IO.Enumeration;

namespace TicketRush.Samples.Tests;

/// <summary>What a sample printed. In what is expected, <c>*</c> stands for anything: process ids, ports, times.</summary>
public sealed class Transcript(string[] lines)
{
    /// <summary>Far more than a sample takes, also on a machine that is busy with other tests.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public IReadOnlyList<string> Lines { get; } = lines;

    /// <summary>Runs a sample to its end, which has to be a good one.</summary>
    public static async Task<Transcript> OfAsync(params string[] arguments)
    {
        var (exitCode, output, errors) = await RunAsync(arguments);
        Assert.True(exitCode == 0 && errors.Length == 0, $"It ended with exit code {exitCode}. It said:\n{output}\n{errors}");
        return new(output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    public static Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments) =>
        RunProgramAsync("Lessons.dll", arguments);

    /// <summary>Runs a program of this repository, which is beside this one.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunProgramAsync(string program, params string[] arguments)
    {
        var host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } path ? path : "dotnet";
        string[] words = [Path.Combine(AppContext.BaseDirectory, program), .. arguments];
        var start = new ProcessStartInfo(host, words) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Patience);
        try
        {
            // To the end of the streams: its children have them open too, so none of them is left when these are read.
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            var output = await process.StandardOutput.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            return (process.ExitCode, output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end within {Patience.TotalSeconds} s.");
        }
    }

    /// <summary>These lines, all of them and no others, in this order.</summary>
    public void Is(string expected)
    {
        var patterns = expected.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(
            patterns.Length == Lines.Count && patterns.Zip(Lines).All(pair => Matches(pair.First, pair.Second)),
            $"Expected:\n{expected}\n\nIt said:\n{this}");
    }

    /// <summary>These lines, each once, in any order and among others.</summary>
    public void Has(params string[] patterns)
    {
        foreach (var pattern in patterns) Assert.True(Count(pattern) == 1, $"Expected once: {pattern}\n\nIt said:\n{this}");
    }

    public void HasNot(string pattern) => Assert.True(Count(pattern) == 0, $"Not expected: {pattern}\n\nIt said:\n{this}");

    /// <summary>Of lines that are there once each, every one is before the next.</summary>
    public void HasInOrder(params string[] patterns)
    {
        Has(patterns);
        var places = patterns.Select(Place).ToArray();
        Assert.True(places.SequenceEqual(places.Order()), $"Expected in this order:\n{string.Join('\n', patterns)}\n\nIt said:\n{this}");
    }

    public int Count(string pattern) => Lines.Count(line => Matches(pattern, line));

    /// <summary>What the lines that match have in place of the pattern's only star.</summary>
    public string[] Stars(string pattern)
    {
        var parts = pattern.Split('*');
        Assert.Equal(2, parts.Length);
        return [.. Lines.Where(line => Matches(pattern, line)).Select(line => line[parts[0].Length..^parts[1].Length])];
    }

    public override string ToString() => string.Join('\n', Lines);

    private int Place(string pattern) => Lines.Index().First(line => Matches(pattern, line.Item)).Index;

    private static bool Matches(string pattern, string line) => FileSystemName.MatchesSimpleExpression(pattern, line, ignoreCase: false);
}
