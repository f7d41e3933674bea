namespace TicketRush.Multiprocessing;

/// <summary>
/// One life of a process in an arena, in the 31 bits that fit into the word of a lock: the process's slot, and how often that slot
/// was given out. A slot's next user is another owner, so a word that a dead process left behind never means a living one.
/// </summary>
/// <param name="Word">Zero is nobody; the topmost bit is not the owner's.</param>
internal readonly record struct Owner(uint Word)
{
    public const int SlotCount = 1024;
    private const int GenerationBits = 21;
    private const uint GenerationMask = (1u << GenerationBits) - 1;

    public Owner(int slot, uint generation)
        : this(((uint)slot << GenerationBits) | generation)
    {
    }

    public bool IsNone => Word == 0;

    public int Slot => (int)(Word >> GenerationBits) & (SlotCount - 1);

    /// <summary>Never 0, so that the word of slot 0 is not nobody's.</summary>
    public uint Generation => Word & GenerationMask;

    public static uint After(uint generation) => generation == GenerationMask ? 1 : generation + 1;
}
