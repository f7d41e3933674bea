namespace TicketRush.Multiprocessing;

/// <summary>
/// An exception of another process. It is the cause (<see cref="Exception.InnerException"/>) of one of the same type that is thrown here;
/// where none of that type can be made here from a message, it is thrown itself.
/// </summary>
public sealed class RemoteException : Exception
{
    internal RemoteException(string typeName, string message, string details)
        : base(message) => (TypeName, Details) = (typeName, details);

    /// <summary>The full name of the type that was thrown there.</summary>
    public string TypeName { get; }

    /// <summary>All that is known of it there: message, causes and stack.</summary>
    public string Details { get; }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{base.ToString()}{Environment.NewLine}--- In the other process ---{Environment.NewLine}{Details}";
}
