using System.Collections.Concurrent;
using System.Reflection;
using System.Text;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>A method that a pool's workers are to call, as they are told of it, and how its arguments and results travel.</summary>
internal sealed class Call<TIn, TOut>
{
    private Call(MethodInfo method, Wire<TIn> inputs, Wire<TOut> results) =>
        (Target, Inputs, Results) = (CallTargets.Name(method), inputs, results);

    public byte[] Target { get; }
    public Wire<TIn> Inputs { get; }
    public Wire<TOut> Results { get; }

    /// <param name="target">A delegate whose parameters are of exactly these types, in that order.</param>
    /// <param name="inputs">The wire for them together.</param>
    /// <param name="types">Theirs, and behind them that of the result.</param>
    /// <exception cref="ArgumentException">The method cannot be called in another process.</exception>
    /// <exception cref="NotSupportedException">No context knows the type of an argument or of the result.</exception>
    public static Call<TIn, TOut> To(Delegate target, Func<MethodInfo, Wire<TIn>> inputs, params ReadOnlySpan<Type> types)
    {
        var method = Processes.Target.Check(target);
        Type[] own = [.. method.GetParameters().Select(parameter => parameter.ParameterType), method.ReturnType];
        if (!types.SequenceEqual(own))
        {
            throw new ArgumentException(
                $"{method.Name} is {Text(own)}; a task of a pool takes exactly what it is given and returns exactly what it is asked for, "
                + $"which is {Text(types)}.", nameof(target));
        }

        if (ReturnsTask(own[^1]))
        {
            throw new ArgumentException(
                $"{method.Name} returns a task, which cannot be waited for in another process: a pool's target returns its result.",
                nameof(target));
        }

        return new(method, inputs(method), Wires.Result<TOut>(method));
    }

    private static bool ReturnsTask(Type type) => type.IsAssignableTo(typeof(Task)) || type == typeof(ValueTask)
        || type is { IsGenericType: true } && type.GetGenericTypeDefinition() == typeof(ValueTask<>);

    private static string Text(ReadOnlySpan<Type> types) =>
        $"({string.Join(", ", types[..^1].ToArray().Select(type => type.Name))}) to {types[^1].Name}";
}

/// <summary>How a method is named to a worker.</summary>
internal static class CallTargets
{
    private const int IdentitySize = 16 + sizeof(int);

    private static readonly ConcurrentDictionary<MethodInfo, byte[]> Named = new();

    public static byte[] Name(MethodInfo method) => Named.GetOrAdd(method, static method =>
    {
        var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        Target.Write(writer, method);
        writer.Flush();
        return bytes.ToArray();
    });

    /// <summary>What ends every name: the binary's version and the method's number in it.</summary>
    public static (Guid Version, int Token) Identity(ReadOnlySpan<byte> name) =>
        (new(name[^IdentitySize..^sizeof(int)]), BitConverter.ToInt32(name[^sizeof(int)..]));

    public static MethodInfo Find(ReadOnlySpan<byte> name)
    {
        using var reader = new BinaryReader(new MemoryStream(name.ToArray()), Encoding.UTF8);
        return (MethodInfo)Target.Read(reader);
    }
}
