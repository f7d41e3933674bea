using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace TicketRush.Journal.Postgres;

/// <summary>
/// How far sale time is from this machine's monotonic clock, in a small file for the next process here. One that took it from the database
/// alone would take at once a step that the others make up for slowly, and what it writes would take them all along. It is of this boot and
/// this database only; and of no use when the machine has slept since sale time was in step, for its monotonic clock stood still.
/// <code>BOOT OFFSET SLEPT    the boot's id, and two numbers of milliseconds</code>
/// Not flushed: it does not outlive the boot. One thread at a time.
/// </summary>
internal sealed class ClockFile
{
    private const string Name = "clock";

    // Less is followed at once, whoever starts.
    private const int WorthMs = 100;

    private readonly string _path;
    private readonly string? _boot;
    private long _offset, _slept;
    private bool _isWritten;

    private ClockFile(string path, string? boot) => (_path, _boot) = (path, boot);

    /// <summary>Opens a database's in a directory, and sets a clock by it.</summary>
    /// <param name="keys">The database's, which it keeps when it fails over to another machine.</param>
    public static ClockFile Open(string directory, IdentityKeys keys, PostgresClock clock)
    {
        var database = SHA256.HashData(Encoding.UTF8.GetBytes($"TicketRush sale time\n{keys.Text}")).AsSpan(0, 8);
        var file = new ClockFile(Path.Combine(directory, $"{Name}.{Convert.ToHexStringLower(database)}"), BootId());
        file._slept = SleptMs(clock) ?? 0;
        if (file.Read() is var (offset, slept) && Math.Abs(slept - file._slept) <= PostgresClock.StepMs)
        {
            file._slept = slept;
            clock.Seed(offset);
        }

        return file;
    }

    /// <summary>Writes it when it has changed by so much that it matters.</summary>
    public void Keep(PostgresClock clock)
    {
        if (_boot is null) return;
        var slept = clock.BehindMs == 0 && SleptMs(clock) is { } now ? now : _slept;
        var offset = clock.Offset;
        if (_isWritten && Math.Abs(offset - _offset) < WorthMs && Math.Abs(slept - _slept) < WorthMs) return;
        (_offset, _slept, _isWritten) = (offset, slept, true);
        var made = $"{_path}.{Environment.ProcessId}";
        try
        {
            File.WriteAllText(made, string.Create(CultureInfo.InvariantCulture, $"{_boot} {offset} {slept}\n"));
            File.Move(made, _path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next process here takes the database's time. Not to sell because this disk is full would be no help.
        }
    }

    private (long Offset, long Slept)? Read()
    {
        try
        {
            var words = File.ReadAllText(_path).Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
            var isOne = words.Length == 3 && _boot is not null && words[0] == _boot;
            return isOne && TryNumber(words[1], out var offset) && TryNumber(words[2], out var slept) ? (offset, slept) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);

    private static string? BootId() => ReadSystem("/proc/sys/kernel/random/boot_id")?.Trim() is { Length: > 0 } id ? id : null;

    /// <summary>What the time since the boot is more than the monotonic clock's; null where nobody can tell.</summary>
    private static long? SleptMs(PostgresClock clock) =>
        ReadSystem("/proc/uptime")?.Split(' ')[0] is { } text
        && double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
            ? (long)(seconds * 1000) - clock.Ticks : null;

    private static string? ReadSystem(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
