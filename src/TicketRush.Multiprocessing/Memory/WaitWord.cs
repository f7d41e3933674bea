using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A word that says whether anybody may be asleep until something changes, so that who changes it makes no system call while nobody is.
/// <para>
/// The sleeper announces itself, looks once more at what it waits for, then sleeps while the word stands. The other side changes it,
/// with a full fence behind that, then signals. Either the sleeper's look sees the change, or the signal sees the word; and a signal that
/// finds nobody asleep clears the word, so that who is only on its way to sleep does not.
/// </para>
/// </summary>
internal static unsafe class WaitWord
{
    public static void Announce(uint* word) => Interlocked.Exchange(ref *word, 1);

    public static void Sleep(uint* word, long nanoseconds) => Libc.Sleep(word, 1, nanoseconds);

    public static void Signal(uint* word, int most)
    {
        if (Volatile.Read(ref *word) != 0 && Libc.Wake(word, most) < most) Interlocked.Exchange(ref *word, 0);
    }
}
