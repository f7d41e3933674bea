using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing.Processes;

/// <summary>
/// What a child is told. All of it lies ready before the child is: on the control socket, which the child finds as descriptor 3, there is
/// one message, the token that the child also has in its environment, and with it a file in memory that holds the rest and the
/// descriptors that the arguments mention. So starting never waits for the child, however long the arguments are.
/// <code>
/// control socket:  token (16 bytes) + descriptors [the file, the shared memory, those of the arguments …]
/// the file:        parent's id | its name | name | daemon | identity | key | target | number of arguments | the arguments
/// back:            a byte when the child has come to take it, and another when it has; the end of the socket is the end of the parent
/// </code>
/// </summary>
internal sealed class Launch
{
    /// <summary>The environment variable that makes a started program a child.</summary>
    public const string Variable = "TICKETRUSH_CHILD";

    /// <summary>How many descriptors come before those of the arguments.</summary>
    private const int Described = 2;

    private const int TokenSize = 16;

    /// <summary>What a child says: that it has come to the entry call; that it has its arguments, or never will.</summary>
    private const byte Entered = 1, Taken = 2;

    public required int ParentId { get; init; }
    public required string ParentName { get; init; }
    public required string Name { get; init; }
    public required bool IsDaemon { get; init; }

    /// <summary>Its number among its parent's children, after those of its parent among its grandparent's, and so on.</summary>
    public required int[] Identity { get; init; }

    public required byte[] AuthKey { get; init; }

    /// <summary>A method, or a type derived from <see cref="ChildProcess"/>.</summary>
    public required MemberInfo Target { get; init; }

    /// <summary>One for each parameter of the method; for a type, the one object.</summary>
    public required object?[] Arguments { get; init; }

    /// <summary>The control socket, in the child.</summary>
    public SafeFileHandle? Control { get; private init; }

    /// <summary>Starts the child.</summary>
    /// <exception cref="NotSupportedException">An argument's type cannot be written.</exception>
    /// <exception cref="IOException">The system did not start it.</exception>
    public Child Start()
    {
        var (ours, theirs) = Descriptors.Pair(packets: true);
        using (theirs)
        {
            try
            {
                var token = RandomNumberGenerator.GetBytes(TokenSize);
                using var handover = Handover.CollectAndKeep();
                using (var file = WriteFile())
                using (var arena = File.OpenHandle(Arena.Current.Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
                    Descriptors.Send(ours, token, [file, arena, .. handover.Descriptors]);

                var (id, descriptor) = Starter.Do(() => Begin(token, theirs));
                return new Child(id, descriptor, ours, handover.TakeKept());
            }
            catch
            {
                ours.Dispose();
                throw;
            }
        }
    }

    /// <summary>In a child: takes what its parent told it. Null in a process that is nobody's child.</summary>
    /// <exception cref="InvalidOperationException">The process was started as a child, and is not told what to do.</exception>
    public static Launch? Take()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } token) return null;

        // Whatever this process starts in another way is nobody's child.
        Environment.SetEnvironmentVariable(Variable, null);
        _ = Programs.RemoveVariable(Variable);
        try
        {
            var control = Descriptors.Adopt(Programs.InheritedDescriptor);
            var told = new byte[TokenSize];
            var length = Descriptors.Receive(control, told, out var descriptors);
            if (length != TokenSize || descriptors.Length < Described || Convert.ToHexStringLower(told) != token)
                throw new InvalidOperationException("The message on it is not for this process.");

            // Before anything that can fail: what fails then is told by the child, and is not a call that was forgotten.
            Tell(control, Entered);
            using var file = descriptors[0];
            using (var arena = descriptors[1]) Arena.Attach($"/proc/self/fd/{arena.DangerousGetHandle()}");
            using var handover = Handover.Supply(descriptors[Described..]);
            var launch = ReadFile(file, control);
            Tell(control, Taken);
            Arena.Current.SweepAll();
            return launch;
        }
        catch (IOException nothing)
        {
            throw new InvalidOperationException(
                $"The environment has {Variable}, so this process was started as a child; but what its parent had to tell it is gone. "
                + "If no parent started it, remove the variable.", nothing);
        }
    }

    /// <summary>In the parent: hears what the child has said since, without waiting.</summary>
    /// <param name="control">The parent's end.</param>
    /// <param name="entered">It has said that it came to the entry call.</param>
    /// <returns>False when it has no more to say: it has its arguments, or its end is closed.</returns>
    public static bool Hear(SafeFileHandle control, ref bool entered)
    {
        Span<byte> said = stackalloc byte[1];
        while (Descriptors.Poll([new((int)control.DangerousGetHandle(), Descriptors.Readable)], 0) > 0)
        {
            try
            {
                if (Descriptors.Receive(control, said, out _) == 0) return false;
            }
            catch (IOException)
            {
                // Reset: the child's end was closed with our message unread in it.
                return false;
            }

            entered |= said[0] == Entered;
            if (said[0] == Taken) return false;
        }

        return true;
    }

    // On the thread that never ends. A child without its descriptor would be watched by nobody, and none may be left to itself.
    private static (int Id, SafeFileHandle Descriptor) Begin(byte[] token, SafeFileHandle theirs)
    {
        var id = Programs.Start(Relaunch.Path, Relaunch.Arguments, (Variable, Convert.ToHexStringLower(token)), theirs);
        try
        {
            return (id, Programs.Open(id));
        }
        catch
        {
            // It takes a runtime longer to start than us to come here: it has not begun anything.
            Programs.EndAndReap(id);
            throw;
        }
    }

    private static void Tell(SafeFileHandle control, byte what)
    {
        try
        {
            Descriptors.Send(control, [what], []);
        }
        catch (IOException)
        {
            // The parent has died in the meantime. A daemon will find that out; any other child goes on without.
        }
    }

    private SafeFileHandle WriteFile()
    {
        var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write(ParentId);
        writer.Write(ParentName);
        writer.Write(Name);
        writer.Write(IsDaemon);
        writer.Write7BitEncodedInt(Identity.Length);
        foreach (var number in Identity) writer.Write(number);
        writer.Write7BitEncodedInt(AuthKey.Length);
        writer.Write(AuthKey);
        Processes.Target.Write(writer, Target);

        writer.Write7BitEncodedInt(Arguments.Length);
        var types = ArgumentTypesOf(Target);
        for (var i = 0; i < Arguments.Length; i++) Argument.Write(writer, types[i].Type, Arguments[i], types[i].What);

        var file = Programs.MemoryFile("arguments");
        RandomAccess.Write(file, bytes.GetBuffer().AsSpan(0, (int)bytes.Length), 0);
        return file;
    }

    private static Launch ReadFile(SafeFileHandle file, SafeFileHandle control)
    {
        var bytes = new byte[RandomAccess.GetLength(file)];
        if (RandomAccess.Read(file, bytes, 0) != bytes.Length) throw new EndOfStreamException();
        using var reader = new BinaryReader(new MemoryStream(bytes), Encoding.UTF8);
        var (parentId, parentName, name, isDaemon) = (reader.ReadInt32(), reader.ReadString(), reader.ReadString(), reader.ReadBoolean());

        // Already for the message about what cannot be read from here on.
        CurrentProcess.Name = name;
        var identity = new int[reader.Read7BitEncodedInt()];
        for (var i = 0; i < identity.Length; i++) identity[i] = reader.ReadInt32();
        var authKey = reader.ReadBytes(reader.Read7BitEncodedInt());
        var target = Processes.Target.Read(reader);

        var arguments = new object?[reader.Read7BitEncodedInt()];
        var types = ArgumentTypesOf(target);
        for (var i = 0; i < arguments.Length; i++) arguments[i] = Argument.Read(reader, types[i].Type, types[i].What);
        return new Launch
        {
            ParentId = parentId, ParentName = parentName, Name = name, IsDaemon = isDaemon, Identity = identity, AuthKey = authKey,
            Target = target, Arguments = arguments, Control = control,
        };
    }

    private static (Type Type, string What)[] ArgumentTypesOf(MemberInfo target) => target is MethodInfo method
        ? [.. method.GetParameters().Select(parameter => (parameter.ParameterType, $"The argument {parameter.Name} of {method.Name}"))]
        : [((Type)target, "The process object")];
}
