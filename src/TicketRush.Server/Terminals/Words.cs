using System.Text;

namespace TicketRush.Server.Terminals;

/// <summary>The arguments of one command, its name first, where they stand in the input. Good until more is read.</summary>
internal readonly ref struct Words(ReadOnlySpan<byte> input, RespParser parser)
{
    private readonly ReadOnlySpan<byte> _input = input;

    public int Count => parser.Count;

    public ReadOnlySpan<byte> this[int index] => _input[parser[index]];

    /// <summary>Whether the argument is this keyword, in letters of either size.</summary>
    /// <param name="keyword">In capitals.</param>
    public bool Is(int index, ReadOnlySpan<byte> keyword) => index < Count && Ascii.EqualsIgnoreCase(this[index], keyword);

    /// <summary>The argument as text; what is no UTF-8 becomes a mark that no name has.</summary>
    public string Text(int index) => Encoding.UTF8.GetString(this[index]);

    /// <summary>Reads a whole number of at most nine digits, with nothing around it.</summary>
    public bool TryNumber(int index, out int number)
    {
        var isNumber = TryDigits(index, most: 9, out var value);
        number = (int)value;
        return isNumber;
    }

    /// <summary>Reads a sequence: a whole number of at most eighteen digits.</summary>
    public bool TrySequence(int index, out long number) => TryDigits(index, most: 18, out number);

    private bool TryDigits(int index, int most, out long number)
    {
        var word = this[index];
        number = 0;
        if (word.Length == 0 || word.Length > most) return false;
        foreach (var digit in word)
        {
            if ((uint)(digit - '0') > 9) return false;
            number = number * 10 + (digit - '0');
        }

        return true;
    }
}
