namespace TicketRush.Cli.Race;

/// <summary>How far the order in which buyers were served departed from the order in which they came.</summary>
internal static class Order
{
    /// <summary>
    /// Of all pairs of answered buyers of whom somebody got one, the share in which the one who came later was served first: got one before
    /// the other did, or though the other got none (Kendall's tau distance, counted by merging). 0 is first come first served, a half is
    /// chance, 1 is last come first served.
    /// </summary>
    /// <returns>Null when there is no such pair.</returns>
    public static double? Departure(IEnumerable<BuyerRecord> records)
    {
        // Who got none comes after all who did. In which order they were told so is of no interest, and no inversion.
        const long None = long.MaxValue;
        var served = records.Where(record => record.IsAnswered)
            .OrderBy(record => record.ArrivedAt)
            .Select(record => record.State != BuyerState.Told ? None : record.Sequence > 0 ? record.Sequence : record.AnsweredAt)
            .ToArray();
        double all = served.Length, none = served.Count(at => at == None);
        var pairs = (all * (all - 1) / 2) - (none * (none - 1) / 2);
        return pairs > 0 ? Inversions(served, new long[served.Length], 0, served.Length) / pairs : null;
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
