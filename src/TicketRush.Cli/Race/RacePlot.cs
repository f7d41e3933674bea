using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace TicketRush.Cli.Race;

/// <summary>
/// One picture of all races: a panel for each strategy, a dot for each buyer, to the right when it asked, upwards when it was
/// answered. Who is served in order lies on a rising line; who waits long lies high.
/// </summary>
internal static class RacePlot
{
    private const int PanelWidth = 360, PanelHeight = 260, Margin = 48, Below = 24, DotsMax = 4_000;

    private const string Font = "font-family=\"system-ui, sans-serif\" font-size=\"12\"";
    private const string Got = "#188038", GotTooMuch = "#d93025", Refused = "#9aa0a6";

    public static void Write(string path, IReadOnlyList<(RaceRow Row, BuyerRecord[] Records)> races, int tickets)
    {
        var across = Math.Min(races.Count, 3);
        var down = (races.Count + across - 1) / across;
        var (width, height) = (across * (PanelWidth + Margin) + Margin, (down * (PanelHeight + Margin + Below)) + Margin + Below);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" {Font}>
            <title>Who asked when, and who was answered when</title>
            <desc>One panel for each strategy. Green got a ticket, red got a ticket that was not there, grey were refused.</desc>
            <rect width="{width}" height="{height}" fill="#fff"/>
            <text x="{Margin}" y="{height - Below}"><tspan fill="{Got}">● got a ticket</tspan>
            <tspan fill="{GotTooMuch}">● got one that was not there</tspan> <tspan fill="{Refused}">● refused</tspan></text>

            """);
        for (var i = 0; i < races.Count; i++)
        {
            var (x, y) = (Margin + (i % across * (PanelWidth + Margin)), Margin + (i / across * (PanelHeight + Margin + Below)));
            svg.Append(CultureInfo.InvariantCulture, $"<g transform=\"translate({x},{y})\">\n");
            Panel(svg, races[i].Row, races[i].Records, tickets);
            svg.Append("</g>\n");
        }

        svg.Append("</svg>\n");

        // Another file first: nobody finds half a picture.
        var whole = TicketFile.Beside(path);
        File.WriteAllText(whole, svg.ToString());
        File.Move(whole, path, overwrite: true);
    }

    /// <summary>Why no picture can be written there; null when it can. Asked before the race: afterwards it would be lost.</summary>
    public static string? WhyNot(string path)
    {
        if (path.Length == 0) return "--plot needs the name of a file.";
        if (Directory.Exists(path)) return $"--plot: {path} is a directory.";
        return Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))) ? null : $"--plot: the directory of {path} is not there.";
    }

    private static void Panel(StringBuilder svg, RaceRow row, BuyerRecord[] records, int tickets)
    {
        var crashed = row.CrashedLookers + row.CrashedBuyers is > 0 and var count ? $", {count} crashed" : "";
        svg.Append(CultureInfo.InvariantCulture, $"""
            <text y="-10" font-weight="600">{row.Strategy}: {row.Told} told, {row.Oversold} oversold, {row.Refused} refused{crashed}</text>
            <rect width="{PanelWidth}" height="{PanelHeight}" fill="#fafafa" stroke="#999"/>

            """);
        var answered = records.Where(record => record.IsAnswered).OrderBy(record => record.AnsweredAt).ToArray();
        if (answered.Length == 0) return;

        var start = answered.Min(record => record.ArrivedAt);
        var lastAsked = Math.Max(1, answered.Max(record => record.ArrivedAt) - start);
        var lastAnswered = Math.Max(1, answered[^1].AnsweredAt - start);
        var (step, got) = ((answered.Length + DotsMax - 1) / DotsMax, 0);
        for (var i = 0; i < answered.Length; i++)
        {
            var record = answered[i];
            var isTold = record.State == BuyerState.Told;
            if (isTold) got++;

            // Of a big crowd's refusals every so-manieth; of its tickets too, once there are more than dots.
            if (i % step != 0 && !(isTold && row.Told <= DotsMax)) continue;
            var colour = !isTold ? Refused : got > tickets ? GotTooMuch : Got;
            var x = (record.ArrivedAt - start) * (double)PanelWidth / lastAsked;
            var y = (record.AnsweredAt - start) * (double)PanelHeight / lastAnswered;
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<circle cx=\"{x:0.#}\" cy=\"{PanelHeight - y:0.#}\" r=\"{(isTold ? 3.5 : 2)}\" fill=\"{colour}\"/>\n");
        }

        svg.Append(CultureInfo.InvariantCulture, $"""
            <text y="{PanelHeight + 16}" fill="#555">asked, 0 to {Milliseconds(lastAsked):0.#} ms →</text>
            <text transform="translate(-8,{PanelHeight}) rotate(-90)" fill="#555">answered, to {Milliseconds(lastAnswered):0.#} ms →</text>

            """);
    }

    private static double Milliseconds(long ticks) => ticks * 1000.0 / Stopwatch.Frequency;
}
