using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Sync;

/// <summary>Waits last as long as they should, whatever is done to the wall clock meanwhile.</summary>
public sealed class ClockTests : IDisposable
{
    private readonly Kids _kids = new();

    // Method: a library between the program and the kernel shifts its wall clock, and nothing else, by an hour.
    [Fact]
    [Trait("Case", "D12")]
    public void A_stepped_wall_clock_neither_ends_nor_extends_a_wait()
    {
        var library = Directory.EnumerateDirectories("/usr/lib")
            .Select(folder => Path.Combine(folder, "faketime", "libfaketime.so.1")).FirstOrDefault(File.Exists);
        if (library is null) Assert.Skip("needs libfaketime: apt-get install libfaketime");
        var shift = _kids.File("shift");
        File.WriteAllText(shift, "+0\n");

        var program = _kids.StartProgram(
            "/usr/bin/env",
            ["LD_PRELOAD=" + library, "FAKETIME_TIMESTAMP_FILE=" + shift, "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1",
                .. Kids.RootCommand(SteppedClock.Name, shift)]);
        var (exitCode, output) = Kids.Finish(program);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(exitCode == 0 && lines.Length == 2, output);
        Assert.All(lines, line => Assert.StartsWith("stepped True waited True", line, StringComparison.Ordinal));
    }

    public void Dispose() => _kids.Dispose();
}
