using System.Text;
using System.Text.RegularExpressions;

namespace TicketRush.Samples.Tests;

/// <summary>One row of docs/LESSONS.md.</summary>
/// <param name="Document">The document's number.</param>
/// <param name="Lesson">In both languages, as <paramref name="Wrong"/> is; that may be a dash.</param>
/// <param name="Command">As a reader types it: ./rush sample countdown.</param>
/// <param name="Prints">
/// Lines that it prints one right after another. N is a number above 0, M any number, … anything, and on a line of its own any lines.
/// </param>
public sealed partial record LessonRow(string Document, string Section, string Lesson, string Command, string[] Prints, string Wrong)
{
    public static LessonRow[] Parse(string page)
    {
        var (document, rows) = ("", new List<LessonRow>());
        foreach (var line in page.Split('\n'))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal)) document = line[3..].Split(' ')[0];
            if (!line.StartsWith("| ", StringComparison.Ordinal)) continue;
            if (line.StartsWith("| section", StringComparison.Ordinal) || line.StartsWith("| ---", StringComparison.Ordinal)) continue;

            if (line[2..^2].Split(" | ") is not [var section, var lesson, var command, var prints, var wrong])
                throw new FormatException($"This row has another number of cells than its table: {line}");
            var name = section.Replace(@"\_", "_", StringComparison.Ordinal);
            rows.Add(new(document, name, lesson, Code(command).Single(), Code(prints), wrong));
        }

        return [.. rows];
    }

    /// <summary>The sections that have no row, or more than one, or one that is out of place; empty when all is as it should be.</summary>
    public static string[] Amiss(LessonRow[] rows) =>
    [
        .. from document in Sections.Documents
           let there = rows.Where(row => row.Document == document.Document).Select(row => row.Section).ToArray()
           where !there.SequenceEqual(document.Sections)
           let amiss = document.Sections.Except(there).Concat(there.Except(document.Sections)).ToArray()
           select $"{document.Document}: {(amiss.Length > 0 ? string.Join("; ", amiss) : "another order, or a row twice")}",
    ];

    public bool Says(string output) => Pattern().IsMatch(string.Concat(output.Split('\n').Select(line => Plain(line) + "\n")));

    /// <summary>This row, with one of its lines changed.</summary>
    public IEnumerable<LessonRow> Changed() =>
        from line in Prints.Index()
        where line.Item != "…"
        select this with { Prints = [.. Prints[..line.Index], line.Item + " changed", .. Prints[(line.Index + 1)..]] };

    private Regex Pattern()
    {
        var pattern = new StringBuilder("^");
        foreach (var line in Prints)
        {
            if (line == "…") pattern.Append(@"(?:.*\n)*?");
            else pattern.Append(Letter().Replace(Regex.Escape(Plain(line)), Meaning)).Append(@"\n");
        }

        return new(pattern.ToString(), RegexOptions.Multiline, TimeSpan.FromSeconds(5));
    }

    private static string Meaning(Match letter) => letter.Value switch
    {
        "N" => @"(?=[\d.,]*[1-9])\d[\d.,]*",
        "M" => @"\d[\d.,]*",
        _ => ".*",
    };

    private static string Plain(string line) => Spaces().Replace(line, " ").Trim();

    private static string[] Code(string cell) => [.. Quoted().Matches(cell).Select(code => code.Groups[1].Value)];

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\b[NM]\b|…")]
    private static partial Regex Letter();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
