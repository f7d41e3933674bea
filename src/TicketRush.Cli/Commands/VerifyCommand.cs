using System.CommandLine;
using System.Text.Json;
using TicketRush.Journal.Audit;

namespace TicketRush.Cli.Commands;

/// <summary><c>rush verify</c>: an independent audit of a journal, with an exit code for scripts.</summary>
public static class VerifyCommand
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static Command Create()
    {
        var file = JournalFile.Argument();
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var noProgress = new Option<bool>("--no-progress") { Description = "Do not show progress, also on a terminal." };
        var command = new Command("verify", """
            Checks a sale's journal from its first byte: the hash chain, and whether every entry keeps the rules of the sale.
            Shares no code with what wrote the journal, only reads, and may run while the sale is selling.

            Exit codes: 0 good; 1 damaged, or an entry breaks a rule; 2 not a journal, cannot be read, or a newer format;
            3 good, with an unfinished batch at the end that was never acknowledged.

            Example: rush verify data/concert.rush
            """) { file, json, noProgress, Shared.Journal() };
        command.SetAction((parsed, stop) => Task.Run(() => JournalFile.Read(parsed, parsed.GetValue(file)!, (auditor, output) =>
        {
            var showsProgress = !parsed.GetValue(noProgress) && !Console.IsErrorRedirected;
            if (showsProgress) auditor.OnProgress = Progress(parsed.InvocationConfiguration.Error);
            var result = auditor.Verify(stop);
            if (showsProgress) parsed.InvocationConfiguration.Error.Write("\r\e[K");

            if (parsed.GetValue(json)) output.WriteLine(JsonSerializer.Serialize(result, Json));
            else Write(result, parsed.GetValue(file)!, output);
            return result.Verdict switch { AuditVerdict.Good => JournalFile.Good, AuditVerdict.Torn => JournalFile.Torn, _ => JournalFile.Damaged };
        }), stop));
        return command;
    }

    private static void Write(AuditResult result, string path, TextWriter output)
    {
        output.WriteLine(result.Verdict switch
        {
            AuditVerdict.Good => $"{path} is good.",
            AuditVerdict.Torn => $"{path} is good up to sequence {result.Sequences}, and ends in an unfinished batch.",
            _ => $"{path} is DAMAGED: {JournalFile.Count(result.ProblemCount)} {(result.ProblemCount == 1 ? "problem" : "problems")}.",
        });
        foreach (var problem in result.Problems) output.WriteLine($"  sequence {problem.Sequence}: {problem.What}");
        if (result.ProblemCount > result.Problems.Length) output.WriteLine($"  and {JournalFile.Count(result.ProblemCount - result.Problems.Length)} more");
        foreach (var note in result.Notes) output.WriteLine(note);
        ShowCommand.WriteSummary(result, output);
    }

    // A file that is read in a moment shows nothing.
    private static Action<long, long> Progress(TextWriter error)
    {
        var (start, last) = (TimeProvider.System.GetTimestamp(), 0L);
        return (done, all) =>
        {
            var passed = (long)TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
            if (passed - last < 500) return;
            last = passed;
            error.Write($"\r{done * 100 / all} % of {all >> 20} MiB");
        };
    }
}
