namespace TicketRush.Server.Terminals;

/// <summary>What a parser found. Zero is nothing, so that a forgotten assignment serves nobody.</summary>
internal enum RespStatus : byte
{
    None = 0,
    Complete = 1,

    /// <summary>What is there may be the beginning of a command.</summary>
    NeedMore = 2,

    /// <summary>Whatever follows, it is no command. The connection ends, for nobody knows where the next one would begin.</summary>
    Malformed = 3,
}

/// <summary>
/// Finds one command in bytes: an array of bulk strings as clients send it (<c>*2\r\n$4\r\nPING\r\n$1\r\nx\r\n</c>), or a line of words as
/// people type it. Consumes all of a command or nothing, looks at each length before it waits for so many bytes, and keeps no state between
/// calls but where the arguments of the last command are. Not for several threads.
/// </summary>
internal sealed class RespParser
{
    // "*256", "$1024": no length that is allowed has more digits.
    private const int DigitsMax = 5;

    private readonly (int Start, int Length)[] _arguments = new (int, int)[TerminalLimits.ArgumentsMax];
    private int _at;

    /// <summary>Arguments of the command that was found, its name among them; 0 for an empty line or array, which asks for
    /// nothing.</summary>
    public int Count { get; private set; }

    /// <summary>What is wrong with a malformed command.</summary>
    public string Error { get; private set; } = "";

    /// <summary>Where in the input the argument stands.</summary>
    public Range this[int index] => _arguments[index].Start..(_arguments[index].Start + _arguments[index].Length);

    /// <param name="consumed">Bytes of the command, framing included, when it is complete.</param>
    public RespStatus Parse(ReadOnlySpan<byte> input, out int consumed)
    {
        (Count, _at, consumed) = (0, 0, 0);
        if (input.IsEmpty) return RespStatus.NeedMore;
        var status = input[0] == (byte)'*' ? ParseArray(input) : ParseLine(input);
        if (status == RespStatus.Complete) consumed = _at;
        else if (status == RespStatus.NeedMore && input.Length >= TerminalLimits.CommandBytesMax)
            return Fail($"a command may have {TerminalLimits.CommandBytesMax} bytes");
        return status;
    }

    private RespStatus ParseArray(ReadOnlySpan<byte> input)
    {
        _at = 1;
        var status = ParseNumber(input, out var count);
        if (status != RespStatus.Complete) return status;
        if (count > TerminalLimits.ArgumentsMax) return Fail($"a command may have {TerminalLimits.ArgumentsMax} arguments");

        for (var i = 0; i < count; i++)
        {
            if (_at == input.Length) return RespStatus.NeedMore;
            if (input[_at] != (byte)'$') return Fail("expected '$' before an argument's length");
            _at++;
            status = ParseNumber(input, out var length);
            if (status != RespStatus.Complete) return status;
            if (length > TerminalLimits.ArgumentBytesMax) return Fail($"an argument may have {TerminalLimits.ArgumentBytesMax} bytes");

            _arguments[i] = (_at, length);
            if (input.Length - _at < length + 2)
            {
                // Bytes that are there already must be right: a client that counts wrongly is told so, not waited for.
                return input.Length - _at > length && input[_at + length] != (byte)'\r' ? Unended() : RespStatus.NeedMore;
            }

            if (input[_at + length] != (byte)'\r' || input[_at + length + 1] != (byte)'\n') return Unended();
            _at += length + 2;
        }

        // Together they may not be longer than what would be waited for.
        if (_at > TerminalLimits.CommandBytesMax) return Fail($"a command may have {TerminalLimits.CommandBytesMax} bytes");
        Count = count;
        return RespStatus.Complete;
    }

    /// <summary>Digits and a line end: no sign, no space, no leading zero, so that a number can be written in one way.</summary>
    private RespStatus ParseNumber(ReadOnlySpan<byte> input, out int number)
    {
        number = 0;
        var start = _at;
        for (; _at < input.Length && (uint)(input[_at] - '0') <= 9; _at++)
        {
            if (_at - start == DigitsMax) return Fail("a length has too many digits");
            if (_at > start && number == 0) return Fail("a length must not begin with 0");
            number = number * 10 + (input[_at] - '0');
        }

        if (_at == input.Length) return RespStatus.NeedMore;
        if (_at == start || input[_at] != (byte)'\r') return Fail("expected a length, 0 or more, and a line end");
        if (_at + 1 == input.Length) return RespStatus.NeedMore;
        if (input[_at + 1] != (byte)'\n') return Fail("expected a line end");
        _at += 2;
        return RespStatus.Complete;
    }

    private RespStatus ParseLine(ReadOnlySpan<byte> input)
    {
        var end = input.IndexOf((byte)'\n');
        if (end < 0)
        {
            // Nothing that begins so is ever a word: a client of some other protocol is told at once.
            return input[0] is < (byte)' ' and not (byte)'\r' or >= 0x7f ? Fail("expected '*' or a word") : RespStatus.NeedMore;
        }

        if (end >= TerminalLimits.CommandBytesMax) return Fail($"a command may have {TerminalLimits.CommandBytesMax} bytes");
        var line = input[..end];
        if (line is [.., (byte)'\r']) line = line[..^1];
        var count = 0;
        for (var i = 0; i < line.Length;)
        {
            if (line[i] is (byte)' ' or (byte)'\t')
            {
                i++;
                continue;
            }

            var start = i;
            for (; i < line.Length && line[i] is not ((byte)' ' or (byte)'\t'); i++)
            {
                if (line[i] is < (byte)' ' or 0x7f) return Fail("a line of words must not have control characters");
            }

            if (count == TerminalLimits.ArgumentsMax) return Fail($"a command may have {TerminalLimits.ArgumentsMax} arguments");
            if (i - start > TerminalLimits.ArgumentBytesMax) return Fail($"an argument may have {TerminalLimits.ArgumentBytesMax} bytes");
            _arguments[count++] = (start, i - start);
        }

        (Count, _at) = (count, end + 1);
        return RespStatus.Complete;
    }

    private RespStatus Unended() => Fail("an argument is not as long as it says");

    private RespStatus Fail(string error)
    {
        Error = error;
        return RespStatus.Malformed;
    }
}
