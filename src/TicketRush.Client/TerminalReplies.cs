namespace TicketRush.Client;

/// <summary>From what was read to what it means. A reply may have more items than are known here, never fewer.</summary>
internal static class TerminalReplies
{
    /// <exception cref="FormatException">The reply is none that is known here; so for all of these.</exception>
    public static TerminalHold Hold(object? reply)
    {
        var items = Items(reply, 7);
        return new(
            Text(items[0]), Number(items[1]), Time(items[2]), Time(items[3]), (int)Number(items[4]), Number(items[5]), Text(items[6]),
            SeatsOf(items));
    }

    public static TerminalOrder Order(object? reply)
    {
        var items = Items(reply, 7);
        return new(
            Text(items[0]), Number(items[1]), Time(items[2]), Number(items[3]), (int)Number(items[4]), Number(items[5]), Text(items[6]),
            SeatsOf(items), Member(items, "refunded") is object?[] refunded ? [.. refunded.Select(Number)] : [],
            Member(items, "late") is 1L);
    }

    public static TerminalRefund Refund(object? reply)
    {
        var items = Items(reply, 6);
        return new(Number(items[1]), Time(items[2]), Number(items[3]), [.. Items(items[4], 0).Select(Number)], Text(items[5]));
    }

    public static IReadOnlyList<TerminalSale> Sales(object? reply) => [.. Items(reply, 0).Select(row => Items(row, 5)).Select(row =>
        new TerminalSale(Text(row[0]), Text(row[1]), Number(row[2]), Text(row[3]), Text(row[4])))];

    public static TerminalEntry Entry(object? reply)
    {
        var items = Items(reply, 10);
        return new(
            Text(items[1]), Number(items[2]), Text(items[3]), Time(items[4]), Number(items[5]), Number(items[6]), (int)Number(items[7]),
            Number(items[8]), Number(items[9]) == 0 ? null : Time(items[9]));
    }

    public static long Number(object? item) => item is long number ? number : throw Unknown();

    public static string Text(object? item) => item is string text ? text : throw Unknown();

    private static IReadOnlyList<string?>? SeatsOf(object?[] items) =>
        Member(items, "seats") is object?[] seats ? [.. seats.Select(seat => seat as string)] : null;

    // The eighth item, where there is one, has names and values in turn. A stop may be called like a member.
    private static object? Member(object?[] items, string name)
    {
        if (items is not [_, _, _, _, _, _, _, object?[] more, ..]) return null;
        for (var i = 0; i + 1 < more.Length; i += 2)
        {
            if (name.Equals(more[i] as string, StringComparison.Ordinal)) return more[i + 1];
        }

        return null;
    }

    private static object?[] Items(object? reply, int least) =>
        reply is object?[] items && items.Length >= least ? items : throw Unknown();

    private static DateTimeOffset Time(object? item)
    {
        var time = Number(item);
        return time is >= 0 and < 253_402_300_800_000 ? DateTimeOffset.FromUnixTimeMilliseconds(time) : throw Unknown();
    }

    private static FormatException Unknown() => new("The reply is none that is known here.");
}
