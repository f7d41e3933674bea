namespace TicketRush.Engine.Inventory;

/// <summary>One bit per ticket: was it refunded.</summary>
internal sealed class TicketBits
{
    private readonly Rows<ulong> _words = new();

    /// <summary>The bits of up to 128 tickets from this one on.</summary>
    public UInt128 Read(uint first, int count)
    {
        UInt128 bits = 0;
        for (var i = 0; i < count; i++)
        {
            var ticket = first + (uint)i;
            var word = (int)(ticket >> 6);
            if (word < _words.Count && (_words[word] >> (int)(ticket & 63) & 1) != 0) bits |= UInt128.One << i;
        }

        return bits;
    }

    public void Set(uint first, UInt128 bits)
    {
        for (; bits != 0; bits &= bits - 1)
        {
            var ticket = first + (uint)UInt128.TrailingZeroCount(bits);
            while (_words.Count <= (int)(ticket >> 6)) _words.Add();
            _words[(int)(ticket >> 6)] |= 1UL << (int)(ticket & 63);
        }
    }
}
