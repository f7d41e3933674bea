using System.Text;
using TicketRush.Server.Terminals;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Terminals;

public sealed class RespParserTests
{
    private static readonly string[][] Commands =
    [
        ["PING"],
        ["PING", ""],
        ["PING", "two words\r\nand a line end"],
        ["BUY", "spring", "6f1c0c5e-5f0a-4d0e-9a52-8d2f3f6f4b11", "ann", "floor", "2", "REFERENCE", "cash-1"],
        ["HOLD", "hall", "6f1c0c5e5f0a4d0e9a528d2f3f6f4b11", "安娜", "stalls", "3", "SEATS", "1-1", "1-2", "1-3"],
        ["BUY", "train", "6f1c0c5e-5f0a-4d0e-9a52-8d2f3f6f4b11", "$5", "*3", "1", "FROM", "a", "TO", "b"],
        [.. Enumerable.Repeat("x", TerminalLimits.ArgumentsMax)],
        ["PING", new string('y', TerminalLimits.ArgumentBytesMax)],
    ];

    public static TheoryData<int> All => new(Enumerable.Range(0, Commands.Length));

    [Theory]
    [MemberData(nameof(All))]
    public void A_command_split_at_any_byte_is_no_command_before_its_last(int index)
    {
        var words = Commands[index];
        var frame = Terminal.Frame(words);
        var parser = new RespParser();
        for (var length = 0; length < frame.Length; length++)
        {
            Assert.Equal(RespStatus.NeedMore, parser.Parse(frame.AsSpan(0, length), out var nothing));
            Assert.Equal(0, nothing);
        }

        // Whole, and with the next command's first bytes behind it, whatever they are.
        foreach (var rest in new[] { "", "*", "*2\r\n$4\r\nPI", "\0" })
        {
            byte[] input = [.. frame, .. Encoding.ASCII.GetBytes(rest)];
            Assert.Equal(RespStatus.Complete, parser.Parse(input, out var consumed));
            Assert.Equal(frame.Length, consumed);
            Assert.Equal(words, Enumerable.Range(0, parser.Count).Select(i => Encoding.UTF8.GetString(input[parser[i]])));
        }
    }

    [Theory]
    [InlineData("PING\r\n", "PING")]
    [InlineData("  ping \t x\n", "ping|x")]
    [InlineData("\r\n", "")]
    [InlineData("*0\r\n", "")]
    [InlineData("BUY spring 6f1c ann floor 1\r\n", "BUY|spring|6f1c|ann|floor|1")]
    public void A_line_is_a_command_too(string line, string words)
    {
        var input = Encoding.UTF8.GetBytes(line);
        var parser = new RespParser();
        for (var length = 0; length < input.Length; length++)
            Assert.Equal(RespStatus.NeedMore, parser.Parse(input.AsSpan(0, length), out _));
        Assert.Equal(RespStatus.Complete, parser.Parse(input, out var consumed));
        Assert.Equal(input.Length, consumed);
        Assert.Equal(words, string.Join('|', Enumerable.Range(0, parser.Count).Select(i => Encoding.UTF8.GetString(input[parser[i]]))));
    }

    // Told at the first byte at which no continuation could make it right: a peer that speaks something else is not waited for.
    [Theory]
    [Trait("Statement", "S12")]
    [InlineData("*-1", "a length, 0 or more")]
    [InlineData("*+1", "a length, 0 or more")]
    [InlineData("*01", "begin with 0")]
    [InlineData("*1 ", "a length, 0 or more")]
    [InlineData("*1\n", "a length, 0 or more")]
    [InlineData("*1\rx", "line end")]
    [InlineData("*257\r\n", "256 arguments")]
    [InlineData("*999999", "too many digits")]
    [InlineData("*1\r\n:", "'$'")]
    [InlineData("*1\r\n*1\r\n", "'$'")]
    [InlineData("*1\r\n$-1\r\n", "a length, 0 or more")]
    [InlineData("*1\r\n$1025\r\n", "1024 bytes")]
    [InlineData("*1\r\n$00", "begin with 0")]
    [InlineData("*1\r\n$4\r\nPINGx", "not as long as it says")]
    [InlineData("*1\r\n$4\r\nPING\rx", "not as long as it says")]
    [InlineData("*1\r\n$3\r\nPING\r\n", "not as long as it says")]
    [InlineData("\x16\x03\x01", "'*' or a word")]
    [InlineData("\0", "'*' or a word")]
    [InlineData("PI\u0001NG\r\n", "control characters")]
    public void What_is_no_command_is_refused_before_more_is_waited_for(string text, string error)
    {
        var parser = new RespParser();
        Assert.Equal(RespStatus.Malformed, parser.Parse(Encoding.Latin1.GetBytes(text), out var consumed));
        Assert.Equal(0, consumed);
        Assert.Contains(error, parser.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void No_command_is_waited_for_beyond_its_bound()
    {
        // 32 arguments of the greatest length, and their framing, are more than one command may have.
        var frame = Terminal.Frame([.. Enumerable.Repeat(new string('x', TerminalLimits.ArgumentBytesMax), 32)]);
        var parser = new RespParser();
        Assert.Equal(RespStatus.NeedMore, parser.Parse(frame.AsSpan(0, TerminalLimits.CommandBytesMax - 1), out _));
        Assert.Equal(RespStatus.Malformed, parser.Parse(frame.AsSpan(0, TerminalLimits.CommandBytesMax), out _));
        Assert.Equal(RespStatus.Malformed, parser.Parse(frame, out _));
        Assert.Equal(RespStatus.Malformed, parser.Parse(Encoding.ASCII.GetBytes(new string('x', TerminalLimits.CommandBytesMax)), out _));
    }
}
