namespace TicketRush.Engine;

/// <summary>How the places of a pool travel. The numbers stand in the journal and never change meaning.</summary>
public enum Travel : byte
{
    /// <summary>Not at all: a place is had from beginning to end, as in a hall.</summary>
    None = 0,

    /// <summary>A seat is given at once, for the legs of a journey.</summary>
    SeatNow = 1,

    /// <summary>A place is promised at once; its seat is numbered later, when all of the pool are.</summary>
    SeatLater = 2,

    /// <summary>Places without seats, counted on each leg.</summary>
    Standing = 3,
}

/// <summary>
/// Rows of seats that are all alike, one behind the other: <c>Rows</c> and <c>Seats</c> are lists of labels such as
/// <c>1-40</c>, <c>A,B,C,D,F</c>, <c>25-1</c> or <c>1-39/2</c>; <c>Aisles</c> names the seats behind which an aisle is, and
/// <c>Wheelchair</c> and <c>Companion</c> the places that are given only when asked for.
/// </summary>
/// <param name="Section">The section, or the coach of a train; may be empty.</param>
/// <param name="X">Where the middle of the first row is, in seat widths to the right of the pool's origin.</param>
/// <param name="Y">The same in rows away from the origin.</param>
/// <param name="Turn">Quarter turns by which the rows are turned around the middle of the first: 0 to 3.</param>
public sealed record RowPlan(
    string Section, string Rows, string Seats, string Aisles = "", string Wheelchair = "", string Companion = "", int X = 0, int Y = 0,
        int Turn = 0)
{
    public const int LabelsMax = 500;
    public const int LabelLengthMax = 12;

    /// <summary>Seats between two aisles at the most.</summary>
    public const int BenchMax = 64;
    public const int CoordinateMax = 2_000;
}

/// <summary>The place that the best seats are near to.</summary>
public sealed record FocusPlan(int X, int Y);

/// <summary>A place that is not for sale.</summary>
/// <param name="Seat">Its number in the pool, from 0; -1 where places have no seats (yet).</param>
/// <param name="From">The first leg, 0 where nothing travels.</param>
/// <param name="To">The leg behind the last, 1 where nothing travels.</param>
public sealed record BlockPlan(int Seat, int From, int To);

/// <summary>A stop of the journey. Times are texts for people and decide nothing.</summary>
public sealed record StopPlan(string Id, string Name, string Arrives = "", string Departs = "");

/// <summary>Lists of labels: <c>A,B,C</c>, <c>1-40</c>, <c>40-1</c>, <c>1-39/2</c>, <c>A-F</c>, and any of them joined by commas.</summary>
public static class Labels
{
    /// <returns>What is wrong with the list, or null.</returns>
    public static string? Parse(string text, List<string> labels)
    {
        foreach (var part in text.Split(','))
        {
            var dash = part.IndexOf('-', StringComparison.Ordinal);
            if (dash < 0)
            {
                if (!IsLabel(part)) return $"\"{Short(part)}\" is no label: 1 to {RowPlan.LabelLengthMax} letters and digits";
                labels.Add(part);
            }
            else if (!TryRange(part, dash, labels))
            {
                return $"\"{Short(part)}\" is no range such as 1-40, 40-1, 1-39/2 or A-F of at most {RowPlan.LabelsMax}";
            }

            if (labels.Count > RowPlan.LabelsMax) return $"has more than {RowPlan.LabelsMax} labels";
        }

        return null;
    }

    public static bool IsLabel(string label) => label.Length is >= 1 and <= RowPlan.LabelLengthMax && label.All(char.IsLetterOrDigit);

    private static string Short(string text) => text.Length <= 40 ? text : text[..40] + "…";

    private static bool TryRange(string part, int dash, List<string> labels)
    {
        var (from, to, step) = (part[..dash], part[(dash + 1)..], 1);
        if (to.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash)
        {
            if (!TryNumber(to[(slash + 1)..], out step) || step == 0) return false;
            to = to[..slash];
        }

        if (from.Length == 1 && to.Length == 1 && char.IsAsciiLetterUpper(from[0]) && char.IsAsciiLetterUpper(to[0]))
            return Add(from[0], to[0], letters: true);
        return TryNumber(from, out var first) && TryNumber(to, out var last) && Add(first, last, letters: false);

        bool Add(int first, int last, bool letters)
        {
            if (Math.Abs(first - last) / step >= RowPlan.LabelsMax) return false;
            for (var at = first; first <= last ? at <= last : at >= last; at += first <= last ? step : -step)
                labels.Add(letters ? ((char)at).ToString() : at.ToString(System.Globalization.CultureInfo.InvariantCulture));
            return true;
        }
    }

    private static bool TryNumber(string text, out int number) =>
        int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out number)
            && number <= 99_999;
}
