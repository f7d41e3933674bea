namespace TicketRush.Multiprocessing;

/// <summary>The buffer given to receive into is smaller than the message, which is taken off the connection and is here, whole.</summary>
public sealed class BufferTooShortException : IOException
{
    internal BufferTooShortException(byte[] message, int room)
        : base($"The message has {message.Length} bytes and the buffer has room for {room}. This exception's ReceivedMessage has it.") =>
        ReceivedMessage = message;

    /// <summary>The message that did not fit.</summary>
    public byte[] ReceivedMessage { get; }
}

/// <summary>
/// The other end was closed, or its process died, after the beginning of a message and before its end. What was there of the message is
/// lost; between messages the same is an <see cref="EndOfStreamException"/>.
/// </summary>
public sealed class TruncatedMessageException : IOException
{
    internal TruncatedMessageException(string message, Exception? inner = null) : base(message, inner) { }
}

/// <summary>
/// The other end announces a message that is longer than allowed, or of a negative length. Nothing was allocated for it, and nothing more
/// can be received: where the next message begins is not known.
/// </summary>
public sealed class MessageTooLargeException : IOException
{
    internal MessageTooLargeException(string message) : base(message) { }
}

/// <summary>
/// One of the two ends does not have the key, offers only what is refused here (MD5), or does not speak the handshake; or another user's
/// process is at the other end of an abstract name.
/// </summary>
public sealed class AuthenticationFailedException : Exception
{
    internal AuthenticationFailedException(string message, Exception? inner = null) : base(message, inner) { }
}
