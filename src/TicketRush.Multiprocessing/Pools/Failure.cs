using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;
using System.Text;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>
/// An exception on its way between two processes of the same binary: what it says, and its type as a target is named, by the identity of
/// its binary and its number in that.
/// </summary>
internal static class Failure
{
    public static void Write(IBufferWriter<byte> target, Exception failure)
    {
        // Whatever the task threw is about to be lost if it cannot be told of: those of its properties that throw themselves are left out.
        var isResult = failure is ResultNotSerializedException;
        var thrown = isResult ? failure.InnerException! : failure;
        var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write(isResult);
        writer.Write(thrown.GetType().FullName ?? thrown.GetType().Name);
        writer.Write(Try(() => thrown.Message));
        writer.Write(Try(thrown.ToString));
        if (!thrown.GetType().IsGenericType) Target.Write(writer, thrown.GetType());
        target.Write(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    public static Exception Read(ReadOnlySpan<byte> source)
    {
        using var reader = new BinaryReader(new MemoryStream(source.ToArray()), Encoding.UTF8);
        var isResult = reader.ReadBoolean();
        var cause = new RemoteException(reader.ReadString(), reader.ReadString(), reader.ReadString());
        var failure = Rebuild(reader, cause);
        return isResult ? new ResultNotSerializedException(failure) : failure;
    }

    /// <summary>One of the same type and message, if that type is made from a message, as nearly all are.</summary>
    private static Exception Rebuild(BinaryReader identity, RemoteException cause)
    {
        try
        {
            if (identity.BaseStream.Position == identity.BaseStream.Length) return cause;
            var type = (Type)Target.Read(identity);
            if (!type.IsAssignableTo(typeof(Exception)) || Make(type, cause) is not { } made) return cause;
            return made.Message == cause.Message ? made : cause;
        }
        catch (Exception)
        {
            // Its constructor does not like the message, or its assembly is not to be had here. The cause says it all.
            return cause;
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2070",
        Justification = "Where the constructor is trimmed away the RemoteException is thrown instead.")]
    private static Exception? Make(Type type, RemoteException cause)
    {
        if (type.GetConstructor([typeof(string), typeof(Exception)]) is { } withCause)
            return (Exception)withCause.Invoke([cause.Message, cause]);
        if (type.GetConstructor([typeof(string)]) is not { } withMessage) return null;
        var made = (Exception)withMessage.Invoke([cause.Message]);
        return ExceptionDispatchInfo.SetRemoteStackTrace(made, cause.Details);
    }

    private static string Try(Func<string> text)
    {
        try
        {
            return text() ?? "";
        }
        catch (Exception)
        {
            return "";
        }
    }
}
