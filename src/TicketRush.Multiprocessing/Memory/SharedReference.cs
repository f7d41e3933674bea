namespace TicketRush.Multiprocessing;

/// <summary>Where a shared object lies, as it travels to another process of the same tree.</summary>
/// <param name="At">Its block's offset in the arena.</param>
/// <param name="Generation">Tells it from what may lie there after it is gone.</param>
internal readonly record struct SharedReference(long At, uint Generation);
