using System.Globalization;

namespace TicketRush.Cli.Race;

/// <summary>The table at the end.</summary>
internal static class RaceTable
{
    private static readonly (string Head, Func<RaceRow, string> Cell, Func<RaceRow, bool> IsBad)[] Columns =
    [
        ("strategy", row => row.Strategy, _ => false),
        ("told \"you have one\"", row => Whole(row.Told), row => row.Oversold > 0),
        ("oversold", row => Whole(row.Oversold), row => row.Oversold > 0),
        ("lost writes", row => row.LostWrites is { } lost ? Whole(lost) : "–", row => row.LostWrites != 0),
        ("crashed lookers", row => Whole(row.CrashedLookers), row => row.CrashedLookers > 0),
        ("refused", row => Whole(row.Refused), _ => false),
        ("seconds", row => row.Seconds.ToString("0.000", CultureInfo.InvariantCulture), _ => false),
        ("purchases/s", row => row.PerSecond.ToString("N0", CultureInfo.InvariantCulture), _ => false),
        ("p50 ms", row => row.P50Ms.ToString("0.00", CultureInfo.InvariantCulture), _ => false),
        ("p99 ms", row => row.P99Ms.ToString("0.00", CultureInfo.InvariantCulture), _ => false),
        ("out of order", row => row.OutOfOrder is { } share ? share.ToString("0.0 %", CultureInfo.InvariantCulture) : "–", _ => false),
    ];

    // Only where there is something to say: most races kill nobody.
    private static readonly (string Head, Func<RaceRow, string> Cell, Func<RaceRow, bool> IsBad)[] Accidents =
    [
        ("killed", row => Whole(row.Killed), _ => false),
        ("crashed buyers", row => Whole(row.CrashedBuyers), row => row.CrashedBuyers > 0),
        ("blocked", row => Whole(row.Blocked), row => row.Blocked > 0),
    ];

    public static void Write(IReadOnlyList<RaceRow> rows, TextWriter output, bool hasColours)
    {
        var columns = Columns.Concat(rows.Any(row => row.Killed + row.CrashedBuyers + row.Blocked > 0) ? Accidents : []).ToArray();
        var cells = rows.Select(row => columns.Select(column => column.Cell(row)).ToArray()).ToArray();
        var widths = columns.Select((column, i) => Math.Max(column.Head.Length, cells.Max(row => row[i].Length))).ToArray();
        output.WriteLine();
        output.WriteLine(string.Join("  ", columns.Select((column, i) => Padded(column.Head, i))));
        for (var r = 0; r < rows.Count; r++)
        {
            output.WriteLine(string.Join("  ", columns.Select((column, i) =>
            {
                var text = Padded(cells[r][i], i);
                return hasColours && column.IsBad(rows[r]) ? $"\e[31m{text}\e[0m" : text;
            })));
        }

        string Padded(string text, int column) => column == 0 ? text.PadRight(widths[column]) : text.PadLeft(widths[column]);
    }

    private static string Whole(int number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
