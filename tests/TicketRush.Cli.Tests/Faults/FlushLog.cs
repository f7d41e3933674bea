using System.Text.RegularExpressions;

namespace TicketRush.Cli.Tests.Faults;

/// <summary>
/// Judges from a server's system calls whether it flushed a journal before it answered. Between the answer to a harmless
/// question, which marks where to begin, and the answer in question, the journal must have been written and flushed.
/// </summary>
internal static partial class FlushLog
{
    /// <param name="marker">A text in the answer to the harmless question.</param>
    /// <param name="reply">A text in the answer that must rest on what is durable.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Check(string[] lines, string journal, string marker, string reply)
    {
        var from = Array.FindIndex(lines, line => IsSend(line) && line.Contains(marker, StringComparison.Ordinal));
        if (from < 0) return "the marker was never sent";
        var to = Array.FindIndex(lines, from + 1, line => IsSend(line) && line.Contains(reply, StringComparison.Ordinal));
        if (to < 0) return "the reply was never sent";

        var written = -1;
        var flushing = new HashSet<string>();
        for (var i = from + 1; i < to; i++)
        {
            var process = lines[i].Split(' ', 2)[0];
            if (lines[i].Contains($"<{journal}>", StringComparison.Ordinal))
            {
                if (lines[i].Contains(" pwrite64(", StringComparison.Ordinal)) written = i;
                if (!lines[i].Contains(" fdatasync(", StringComparison.Ordinal) || written < 0) continue;
                if (FlushedPattern().IsMatch(lines[i])) return null;
                flushing.Add(process);
            }
            else if (FlushEndedPattern().IsMatch(lines[i]) && flushing.Contains(process))
            {
                return null;
            }
        }

        return "the reply left before the journal was written and flushed";
    }

    private static bool IsSend(string line) => SendPattern().IsMatch(line);

    [GeneratedRegex(@" (sendto|sendmsg|write|writev)\(\d+<(socket|TCP)")]
    private static partial Regex SendPattern();

    [GeneratedRegex(@"\)\s+= 0$")]
    private static partial Regex FlushedPattern();

    [GeneratedRegex(@"<\.\.\. fdatasync resumed>\)\s+= 0$")]
    private static partial Regex FlushEndedPattern();
}
