using System.Runtime.CompilerServices;
using TicketRush.Engine;

namespace TicketRush.Server.Pages;

/// <param name="First">The row's first seat; the others follow without a gap.</param>
/// <param name="Benches">How many seats stand between two aisles, in order.</param>
public sealed record SeatRow(string Label, int First, int Count, int[] Benches);

/// <summary>One section of a pool, or one coach: its rows, and the rectangle that it takes on the map, in halves of a seat.</summary>
public sealed record Section(string Name, SeatRow[] Rows, int Seats, int Left, int Top, int Width, int Height);

/// <summary>A pool's seats by section and row, as maps show them. Made once for each layout, and counted once for each view.</summary>
public static class Sections
{
    /// <summary>Seats on one page at the most; a larger section is shown in parts of whole rows.</summary>
    public const int SeatsOnPage = 600;

    private static readonly ConditionalWeakTable<SeatLayout, Section[]> Known = [];
    private static readonly ConditionalWeakTable<PoolView, int[]> Counted = [];

    public static Section[] Of(SeatLayout layout) => Known.GetValue(layout, Make);

    /// <summary>Seats of each section that anybody may have on all these legs.</summary>
    public static int[] FreeOf(SeatLayout layout, PoolView view, int from, int to) =>
        (from, to) == (0, view.Legs) ? Counted.GetValue(view, seen => Count(layout, seen, 0, seen.Legs)) : Count(layout, view, from, to);

    /// <summary>A section's rows in parts that fit on a page: the first row of each, and behind the last.</summary>
    public static int[] PartsOf(Section section)
    {
        var (starts, seats) = (new List<int> { 0 }, 0);
        for (var row = 0; row < section.Rows.Length; row++)
        {
            if (seats > 0 && seats + section.Rows[row].Count > SeatsOnPage)
            {
                starts.Add(row);
                seats = 0;
            }

            seats += section.Rows[row].Count;
        }

        return [.. starts, section.Rows.Length];
    }

    /// <summary>Section, row and seat of a seat's name.</summary>
    public static (string Section, string Row, string Seat) Split(string name) => name.Split('-') switch
    {
        [var section, var row, var seat] => (section, row, seat),
        [var row, var seat] => ("", row, seat),
        _ => ("", "", name),
    };

    private static Section[] Make(SeatLayout layout)
    {
        var rows = new List<SeatRow>[layout.AllSections.Count];
        var boxes = new (int Left, int Top, int Right, int Bottom)[rows.Length];
        for (var i = 0; i < rows.Length; i++) (rows[i], boxes[i]) = ([], (int.MaxValue, int.MaxValue, int.MinValue, int.MinValue));
        var (benches, label, first) = (new List<int>(), "", 0);
        for (var i = 0; i < layout.AllBenches.Count; i++)
        {
            var bench = layout.AllBenches[i];
            var here = RowOf(layout, bench.First);
            if (benches.Count == 0) (label, first) = (here, bench.First);
            benches.Add(bench.Length);
            foreach (var seat in (ReadOnlySpan<int>)[bench.First, bench.First + bench.Length - 1])
            {
                var (x, y) = layout.PlaceOf(seat);
                ref var box = ref boxes[bench.Section];
                box = (Math.Min(box.Left, x - 1), Math.Min(box.Top, y - 1), Math.Max(box.Right, x + 1), Math.Max(box.Bottom, y + 1));
            }

            var isLast = i + 1 == layout.AllBenches.Count;
            if (!isLast && layout.AllBenches[i + 1].Section == bench.Section
                && RowOf(layout, layout.AllBenches[i + 1].First) == here) continue;
            rows[bench.Section].Add(new(label, first, bench.First + bench.Length - first, [.. benches]));
            benches.Clear();
        }

        return [.. rows.Select((own, i) => new Section(
            layout.AllSections[i], [.. own], own.Sum(row => row.Count), boxes[i].Left, boxes[i].Top, boxes[i].Right - boxes[i].Left,
            boxes[i].Bottom - boxes[i].Top))];
    }

    private static string RowOf(SeatLayout layout, int seat) => Split(layout.NameOf(seat)).Row;

    private static int[] Count(SeatLayout layout, PoolView view, int from, int to)
    {
        var free = new int[layout.AllSections.Count];
        foreach (var bench in layout.AllBenches)
        {
            for (var i = 0; i < bench.Length; i++)
            {
                if ((bench.Ordinary >> i & 1) != 0 && view.IsFree(bench.First + i, from, to)) free[bench.Section]++;
            }
        }

        return free;
    }
}
