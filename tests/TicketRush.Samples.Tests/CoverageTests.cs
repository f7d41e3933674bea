using System.Reflection;
using System.Text.RegularExpressions;

namespace TicketRush.Samples.Tests;

/// <summary>No sample without a test and a line in the README; no section of a document without a sample, or a word on why not.</summary>
public sealed partial class CoverageTests
{
    private static readonly string Folder = FindFolder();
    private static readonly string[] Readme = File.ReadAllLines(Path.Combine(Folder, "README.md"));

    [Fact]
    public async Task Every_sample_has_its_test()
    {
        var tested = typeof(CoverageTests).Assembly.GetTypes().SelectMany(type => type.GetMethods())
            .Select(method => method.GetCustomAttribute<SampleAttribute>()?.Name).OfType<string>();
        Assert.Equal((await ListAsync()).Order(), tested.Order());
    }

    [Fact]
    public async Task Every_sample_is_a_file_and_a_line_in_both_languages_in_the_order_of_the_list()
    {
        var rows = Rows(Readme.Index().First(line => line.Item.StartsWith("| sample", StringComparison.Ordinal)).Index);
        Assert.Equal(await ListAsync(), rows.Select(row => Assert.Single(Names(row[0]))));
        Assert.All(rows, row =>
        {
            Assert.Equal(4, row.Length);
            Assert.True(File.Exists(Path.Combine(Folder, Link().Match(row[0]).Groups["file"].Value)), $"{row[0]} is no file.");
            Assert.Matches("[a-z]{3}", row[1]);
            Assert.Matches(@"\p{IsCJKUnifiedIdeographs}{2}", row[2]);
        });

        // And no file without a sample.
        var files = Directory.EnumerateFiles(Path.Combine(Folder, "Lessons"), "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Folder, file).Replace('\\', '/'))
            .Where(file => file.Count(letter => letter == '/') == 2 && !file.Contains("/bin/") && !file.Contains("/obj/"));
        var linked = rows.Select(row => Link().Match(row[0]).Groups["file"].Value);
        Assert.Equal(files.Order(StringComparer.Ordinal), linked.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_section_of_every_document_has_its_samples_or_a_word_on_why_not()
    {
        foreach (var (document, sections) in Sections.Documents)
        {
            var rows = SectionRows(document);
            Assert.Equal(sections, rows.Select(row => row[0]));
            Assert.All(rows, row => Assert.NotEmpty(row[1]));
        }
    }

    [Fact]
    public void Both_tables_say_the_same()
    {
        var rows = Rows(Readme.Index().First(line => line.Item.StartsWith("| sample", StringComparison.Ordinal)).Index);
        foreach (var row in rows)
        {
            var name = Assert.Single(Names(row[0]));
            var answers =
                from document in Sections.Documents.Select(one => one.Document)
                let sections = SectionRows(document).Where(section => Names(section[1]).Contains(name)).Select(section => section[0])
                where sections.Any()
                select $"{document} {string.Join("; ", sections)}";
            Assert.Equal(string.Join(" · ", answers), row[3]);
            Assert.NotEmpty(row[3]);
        }
    }

    [Fact]
    public void The_parameter_that_has_no_counterpart_is_named()
    {
        var parameters = SectionRows("001").Single(row => row[0] == "3.4.3 Process参数介绍");
        Assert.Contains("`group` has no counterpart", parameters[1], StringComparison.Ordinal);
    }

    private static async Task<IReadOnlyList<string>> ListAsync() => (await Transcript.OfAsync("--list")).Lines;

    private static string[][] SectionRows(string document) =>
        Rows(Readme.Index().SkipWhile(line => !line.Item.StartsWith($"### {document} ", StringComparison.Ordinal))
            .First(line => line.Item.StartsWith("| section", StringComparison.Ordinal)).Index);

    /// <summary>The cells of a table, of which the heading's line is given.</summary>
    private static string[][] Rows(int heading) =>
    [
        .. Readme.Skip(heading + 2)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => line[2..^2].Replace(@"\_", "_", StringComparison.Ordinal).Split(" | ")),
    ];

    /// <summary>The samples that a cell links to; other files that it links to have a dot in their names.</summary>
    private static IEnumerable<string> Names(string cell) =>
        Link().Matches(cell).Select(link => link.Groups["name"].Value).Where(name => !name.Contains('.'));

    private static string FindFolder()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "TicketRush.slnx"))) directory = directory.Parent;
        return Path.Combine(directory.FullName, "samples");
    }

    [GeneratedRegex(@"\[(?<name>[^\]]+)\]\((?<file>[^)]+)\)")]
    private static partial Regex Link();
}
