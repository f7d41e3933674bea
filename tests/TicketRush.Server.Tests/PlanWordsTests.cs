using System.Text.RegularExpressions;
using TicketRush.Server.Office;
using TicketRush.Server.Pages;

namespace TicketRush.Server.Tests;

/// <summary>What is wrong with a plan is said in the office's language, all of it.</summary>
public sealed partial class PlanWordsTests
{
    // Method: the sentences are read from the sources that say them, with a number wherever they put a value.
    [Theory]
    [InlineData("src/TicketRush.Engine/PlanCheck.cs", 10)]
    [InlineData("src/TicketRush.Engine/PlacesCheck.cs", 30)]
    [InlineData("src/TicketRush.Engine/PlanChange.cs", 4)]
    [InlineData("src/TicketRush.Engine/RowPlan.cs", 3)]
    [InlineData("src/TicketRush.Server/Api/PlanMapping.cs", 4)]
    [InlineData("src/TicketRush.Server/Api/PlacesMapping.cs", 5)]
    [InlineData("src/TicketRush.Server/Api/PlanTimes.cs", 3)]
    public void Every_sentence_about_a_plan_has_a_translation(string file, int least)
    {
        var source = File.ReadAllText(Path.Combine(Root(), file));
        const string Allowed = "After opening, a plan may change only its name.";
        var sentences = Said().Matches(source).Select(match => match.Groups[1].Value)
            .Select(text => Hole().Replace(text.Replace("{Allowed}", Allowed, StringComparison.Ordinal), "7")
                .Replace("\\\"", "\"", StringComparison.Ordinal))
            .Distinct().ToArray();
        Assert.True(sentences.Length >= least, $"{sentences.Length} sentences were found in {file}.");
        foreach (var sentence in sentences)
        {
            Assert.True(Chinese().IsMatch(PlanWords.Say(Texts.Chinese, sentence)), $"{file} says what has no translation: {sentence}");
            Assert.Equal(sentence, PlanWords.Say(Texts.English, sentence));
        }
    }

    [Theory]
    [InlineData("is 0; must be 1 to 86400 seconds", "现为 0，必须在 1 到 86400 之间")]
    [InlineData("\"hall\" is used twice; every pool needs an id of its own", "代号“hall”重复，每项须有自己的代号")]
    [InlineData("2027-03-28T02:30:00 does not exist in Europe/Berlin, where the clocks go forward then; write 2027-03-28T02:30:00+01:00 "
        + "(which the clocks show as 03:30) or 2027-03-28T02:30:00+02:00 (shown as 01:30)",
        "2027-03-28T02:30:00 在 Europe/Berlin 不存在（当时拨快时钟），请写 2027-03-28T02:30:00+01:00（钟面显示 03:30）或 2027-03-28T02:30:00+02:00（显示 01:30）")]
    [InlineData("nobody says this", "nobody says this")]
    public void The_values_stand_where_they_belong(string english, string chinese) =>
        Assert.Equal(chinese, PlanWords.Say(Texts.Chinese, english));

    [Theory]
    [InlineData("{ oops }")]
    [InlineData("""{ "strange": 1 }""")]
    [InlineData("""{ "name": "x" }""")]
    [InlineData("""{ "name": 7 }""")]
    [InlineData("""{ "name": null }""")]
    [InlineData("""{ "name": "x", "name": "y" }""")]
    [InlineData("""{ "rules": { "holdSeconds": "long" } }""")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{"pools":[[[[[[[[[[[[1]]]]]]]]]]]]}""")]
    public void What_is_wrong_with_the_text_of_a_plan_is_said_in_chinese_too(string text)
    {
        var (plan, errors) = PlanTextPages.Read(text, allowTestPayments: true);
        Assert.Null(plan);
        Assert.NotEmpty(errors);
        Assert.All(errors, error => Assert.Matches(Chinese(), PlanWords.Say(Texts.Chinese, error.Message)));
    }

    [Theory]
    [InlineData("tiers[1].price", "Kind of ticket 2, Price")]
    [InlineData("pools[0].id", "Pool 1")]
    [InlineData("rules.perBuyer", "Tickets for one buyer")]
    [InlineData("x]", "x]")]
    [InlineData("stops[2].name", "stops 3, Name")]
    public void A_path_is_said_by_the_labels_of_the_form(string path, string label) =>
        Assert.Equal(label, PlanWords.Where(Texts.English, path));

    private static string Root()
    {
        var at = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(at, "TicketRush.slnx"))) at = Path.GetDirectoryName(at)!;
        return at;
    }

    // Texts with a space that begin as a sentence about a field does; not the prose of comments and exceptions.
    [GeneratedRegex(
        """(?<!///.*)\$?"((?:must|is|has|have|are|needs|sum|names|blocks|\\"\{|\{text\} |\{what\} |Pool |Tier |A sale )"""
        + """(?:[^"\\{]|\\.|\{[^{}]*\})* (?:[^"\\{]|\\.|\{[^{}]*\})*)"(?!\s*\+)""")]
    private static partial Regex Said();

    [GeneratedRegex(@"\{[^{}]*\}")]
    private static partial Regex Hole();

    [GeneratedRegex(@"\p{IsCJKUnifiedIdeographs}")]
    private static partial Regex Chinese();
}
