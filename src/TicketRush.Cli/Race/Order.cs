namespace TicketRush.Cli.Race;

/// <summary>How far the order in which buyers got a ticket departed from the order in which they asked.</summary>
internal static class Order
{
    /// <summary>
    /// Of all pairs of buyers who got one, the share in which the one who asked later was served first (Kendall's tau distance, counted
    /// by merging): 0 is first come first served, a half is chance, 1 is last come first served.
    /// </summary>
    /// <returns>Null when fewer than two got one.</returns>
    public static double? Departure(IEnumerable<BuyerRecord> records)
    {
        var served = records.Where(record => record.State == BuyerState.Told)
            .OrderBy(record => record.ArrivedAt)
            .Select(record => record.Sequence > 0 ? record.Sequence : record.AnsweredAt)
            .ToArray();
        if (served.Length < 2) return null;
        return Inversions(served, new long[served.Length], 0, served.Length) / (served.Length * (served.Length - 1.0) / 2);
    }

    private static long Inversions(long[] values, long[] spare, int from, int to)
    {
        if (to - from < 2) return 0;
        var middle = (from + to) / 2;
        var count = Inversions(values, spare, from, middle) + Inversions(values, spare, middle, to);
        var (left, right) = (from, middle);
        for (var i = from; i < to; i++)
        {
            if (right >= to || (left < middle && values[left] <= values[right]))
            {
                spare[i] = values[left++];
            }
            else
            {
                count += middle - left;
                spare[i] = values[right++];
            }
        }

        Array.Copy(spare, from, values, from, to - from);
        return count;
    }
}
