using System.Runtime.CompilerServices;

namespace TicketRush.Engine;

public enum SeatKind : byte
{
    Ordinary = 0,
    Wheelchair = 1,
    Companion = 2,
}

/// <summary>Seats side by side with no aisle between them. Bit i of a mask is the seat <see cref="First"/> + i.</summary>
/// <param name="Section">Which section, or coach, in the order of the plan.</param>
/// <param name="Behind">The bench straight behind this one, or -1.</param>
public readonly record struct Bench(int First, int Length, int Section, int Behind, ulong Ordinary, ulong Wheelchair, ulong Companion);

/// <summary>
/// The seats of one pool as its rows lay them out: numbered 0, 1, 2, … in the order of the plan, with names and places on the
/// map. Immutable, and made once for each array of rows.
/// </summary>
public sealed class SeatLayout
{
    private static readonly ConditionalWeakTable<RowPlan[], SeatLayout> Known = [];

    private readonly string[] _rowNames;
    private readonly string[] _labels;
    private readonly int[] _rowOf;
    private readonly int[] _labelOf;
    private Dictionary<string, int>? _byName;

    private SeatLayout(RowPlan[] plans)
    {
        var (benches, rowNames, labels, rowOf, labelOf, x, y) =
            (new List<Bench>(), new List<string>(), new List<string>(), new List<int>(), new List<int>(), new List<int>(), new List<int>());
        var sections = new List<string>();
        foreach (var plan in plans)
        {
            var (rows, seats) = (Expand(plan.Rows), Expand(plan.Seats));
            var (aisles, wheelchairs, companions) = (Among(plan.Aisles), Among(plan.Wheelchair), Among(plan.Companion));
            var section = sections.IndexOf(plan.Section);
            if (section < 0)
            {
                section = sections.Count;
                sections.Add(plan.Section);
            }

            var firstLabel = labels.Count;
            labels.AddRange(seats);
            var aislesBefore = new int[seats.Count];
            for (var i = 1; i < seats.Count; i++) aislesBefore[i] = aislesBefore[i - 1] + (aisles.Contains(seats[i - 1]) ? 1 : 0);
            var width = seats.Count + aislesBefore[^1];
            var benchesInRow = aislesBefore[^1] + 1;

            for (var row = 0; row < rows.Count; row++)
            {
                rowNames.Add(plan.Section.Length == 0 ? rows[row] : $"{plan.Section}-{rows[row]}");
                for (var i = 0; i < seats.Count;)
                {
                    var first = rowOf.Count;
                    var (length, wheelchair, companion) = (0, 0UL, 0UL);
                    var bench = aislesBefore[i];
                    for (; i < seats.Count && aislesBefore[i] == bench && length < RowPlan.BenchMax; i++, length++)
                    {
                        if (wheelchairs.Contains(seats[i])) wheelchair |= 1UL << length;
                        else if (companions.Contains(seats[i])) companion |= 1UL << length;
                        rowOf.Add(rowNames.Count - 1);
                        labelOf.Add(firstLabel + i);

                        // Twice the place, so that the middle of a row with an even number of seats is whole.
                        var (u, v) = (2 * (i + bench) - (width - 1), 2 * row);
                        var (dx, dy) = (plan.Turn & 3) switch { 1 => (-v, u), 2 => (-u, -v), 3 => (v, -u), _ => (u, v) };
                        x.Add(2 * plan.X + dx);
                        y.Add(2 * plan.Y + dy);
                    }

                    var all = length == 64 ? ulong.MaxValue : (1UL << length) - 1;
                    benches.Add(new(
                        first, length, section, row + 1 < rows.Count ? benches.Count + benchesInRow : -1, all & ~wheelchair & ~companion,
                            wheelchair, companion));
                }
            }
        }

        (_rowNames, _labels, _rowOf, _labelOf) = ([.. rowNames], [.. labels], [.. rowOf], [.. labelOf]);
        (Benches, Sections, X, Y) = ([.. benches], [.. sections], [.. x], [.. y]);
    }

    public int Count => _rowOf.Length;

    /// <summary>In the order of their seats.</summary>
    public IReadOnlyList<Bench> AllBenches => Benches;

    /// <summary>The names of the sections, or coaches, in the order of the plan.</summary>
    public IReadOnlyList<string> AllSections => Sections;

    internal Bench[] Benches { get; }

    internal string[] Sections { get; }

    /// <summary>Twice the seat's place to the right of the origin, in seat widths; negative to the left.</summary>
    internal int[] X { get; }

    /// <summary>Twice the seat's place away from the origin, in rows.</summary>
    internal int[] Y { get; }

    /// <summary>The layout of these rows, which must have passed <see cref="PlanCheck"/>.</summary>
    public static SeatLayout Of(RowPlan[] rows) => Known.GetValue(rows, static plans => new(plans));

    /// <summary>Where a seat stands on the map, in halves of a seat's width and of a row.</summary>
    public (int X, int Y) PlaceOf(int seat) => (X[seat], Y[seat]);

    /// <summary>Section, row and seat, joined by dashes; only row and seat where the section has no name.</summary>
    public string NameOf(int seat) => $"{_rowNames[_rowOf[seat]]}-{_labels[_labelOf[seat]]}";

    public SeatKind KindOf(int seat)
    {
        ref readonly var bench = ref Benches[BenchOf(seat)];
        var bit = 1UL << (seat - bench.First);
        return (bench.Wheelchair & bit) != 0 ? SeatKind.Wheelchair : (bench.Companion & bit) != 0 ? SeatKind.Companion : SeatKind.Ordinary;
    }

    /// <returns>The number of the seat with this name, or -1.</returns>
    public int Find(string name)
    {
        // Made when the first seat is asked for by its name; made twice when two ask at once, which harms nobody.
        if (_byName is not { } byName)
        {
            byName = new(Count, StringComparer.Ordinal);
            for (var seat = 0; seat < Count; seat++) byName[NameOf(seat)] = seat;
            _byName = byName;
        }

        return byName.TryGetValue(name, out var found) ? found : -1;
    }

    internal int BenchOf(int seat)
    {
        var (from, to) = (0, Benches.Length - 1);
        while (from < to)
        {
            var middle = (from + to + 1) / 2;
            if (Benches[middle].First <= seat) from = middle;
            else to = middle - 1;
        }

        return from;
    }

    private static HashSet<string> Among(string text) => Expand(text).ToHashSet(StringComparer.Ordinal);

    private static List<string> Expand(string text)
    {
        var labels = new List<string>();
        if (text.Length > 0) Labels.Parse(text, labels);
        return labels;
    }
}
