namespace TicketRush.Multiprocessing;

/// <summary>The process of a <see cref="Manager"/> has ended, and with it all that it kept; or nobody listens at its address.</summary>
public sealed class ManagerLostException : IOException
{
    internal ManagerLostException(string message, Exception? inner) : base(message, inner) { }
}
