using System.Collections.Concurrent;

namespace TicketRush.Samples.Tests;

/// <summary>docs/LESSONS.md has every section of every document, and every command in it prints what it says.</summary>
public sealed class LessonsTests
{
    private static readonly string Page = File.ReadAllText(FindPage());

    // Equal commands stand in several rows, and are run once.
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> Runs = new();

    public static TheoryData<string, string> Rows() => [.. LessonRow.Parse(Page).Select(row => (row.Document, row.Section))];

    // Left out of a quick run: the races take seconds each.
    [Theory]
    [Trait("Storm", "true")]
    [MemberData(nameof(Rows))]
    public async Task The_command_of_a_row_prints_what_the_row_says(string document, string section)
    {
        var row = LessonRow.Parse(Page).Single(row => row.Document == document && row.Section == section);
        var output = await Runs.GetOrAdd(row.Command, command => new(() => RunAsync(command))).Value;
        Assert.True(row.Says(output), $"{row.Command} should say:\n{string.Join('\n', row.Prints)}\n\nIt said:\n{output}");

        // And would not, were any line another: none of them is there for nothing.
        Assert.NotEmpty(row.Prints);
        Assert.All(row.Changed(), changed => Assert.False(changed.Says(output), $"It also says:\n{string.Join('\n', changed.Prints)}"));
    }

    [Fact]
    public void Every_section_of_every_document_has_its_row_in_both_languages()
    {
        var rows = LessonRow.Parse(Page);
        Assert.Empty(LessonRow.Amiss(rows));
        foreach (var text in rows.SelectMany(row => new[] { row.Lesson, row.Wrong }).Where(text => text != "–"))
        {
            Assert.Matches("^.*[A-Za-z]{2}.*<br>.*$", text);
            Assert.Matches(@"<br>.*\p{IsCJKUnifiedIdeographs}{2}", text);
        }
    }

    [Fact]
    public void A_section_without_a_row_or_with_another_name_is_found()
    {
        foreach (var row in LessonRow.Parse(Page))
        {
            var others = LessonRow.Parse(Page).Where(other => (other.Document, other.Section) != (row.Document, row.Section)).ToArray();
            Assert.Equal([$"{row.Document}: {row.Section}"], LessonRow.Amiss(others));
            Assert.Single(LessonRow.Amiss([.. others, row with { Section = "another" }]));
        }
    }

    [Theory]
    [InlineData("n = 99", true)]
    [InlineData("n = 98", false)]
    [InlineData("n = N", true)]
    [InlineData("n = M", true)]
    [InlineData("lock N", false)]
    [InlineData("lock M", true)]
    [InlineData("n = …", true)]
    [InlineData("= 99", false)]
    [InlineData("n = 99`<br>`lock 0", true)]
    [InlineData("n = 99`<br>`end", false)]
    [InlineData("n = 99`<br>`…`<br>`end", true)]
    [InlineData("end`<br>`…`<br>`n = 99", false)]
    public void A_row_changed_on_purpose_is_found(string prints, bool isSaid)
    {
        var row = Assert.Single(LessonRow.Parse($"## 004 x\n| Thread mutex | lesson | `./rush sample countdown` | `{prints}` | – |\n"));
        Assert.Equal(isSaid, row.Says("  n =  99\nlock    0\nend\n"));
    }

    private static async Task<string> RunAsync(string command)
    {
        string[] words = command.Split(' ');
        Assert.Equal("./rush", words[0]);
        Assert.Contains(words[1], (string[])["sample", "race"]);
        var (exitCode, output, errors) = words[1] == "sample"
            ? await Transcript.RunAsync(words[2..])
            : await Transcript.RunProgramAsync("rush.dll", words[1..]);
        Assert.True(exitCode == 0 && errors.Length == 0, $"{command} ended with exit code {exitCode}. It said:\n{output}\n{errors}");
        return output;
    }

    private static string FindPage()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "TicketRush.slnx"))) directory = directory.Parent;
        return Path.Combine(directory.FullName, "docs", "LESSONS.md");
    }
}
