using System.Security.Cryptography;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing;

/// <summary>This process, as one of a tree of processes.</summary>
public static class CurrentProcess
{
    private static readonly Lock Gate = new();
    private static byte[]? _authKey;

    /// <summary>"MainProcess" in the root, the child's name in a child. It can be changed, for what this process prints.</summary>
    public static string Name
    {
        get;
        set
        {
            ArgumentException.ThrowIfNullOrEmpty(value);
            field = value;
        }
    } = "MainProcess";

    /// <summary>The process id.</summary>
    public static int Pid => Environment.ProcessId;

    /// <summary>It ends when its parent does, and may have no children. False in the root.</summary>
    public static bool IsDaemon { get; private set; }

    /// <summary>The process that started this one; null in the root.</summary>
    public static ParentProcess? Parent { get; private set; }

    /// <summary>
    /// The secret that the processes of a tree share, for connections among them: 32 random bytes made by the root, handed to every child.
    /// One that is set counts for children started from then on.
    /// </summary>
    public static byte[] AuthKey
    {
        get
        {
            lock (Gate) return [.. _authKey ??= RandomNumberGenerator.GetBytes(32)];
        }

        set
        {
            ArgumentNullException.ThrowIfNull(value);
            lock (Gate) _authKey = [.. value];
        }
    }

    /// <summary>Empty in the root.</summary>
    internal static int[] Identity { get; private set; } = [];

    internal static void Become(Launch launch)
    {
        (Name, IsDaemon, Identity, _authKey) = (launch.Name, launch.IsDaemon, launch.Identity, launch.AuthKey);
        Parent = new ParentProcess(launch.ParentId, launch.ParentName);
    }
}
