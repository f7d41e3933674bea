using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>In a worker: calls one method for every task of a chunk, with no reflection but the first time.</summary>
internal abstract class Runner
{
    private static readonly MethodInfo[] Makers = Find(nameof(None), nameof(One), nameof(Two), nameof(Three));

    private static readonly MethodInfo[] SilentMakers =
        Find(nameof(SilentNone), nameof(SilentOne), nameof(SilentTwo), nameof(SilentThree));

    /// <summary>
    /// Runs all tasks and writes the reply: the results up to the first failure, then that failure if there was one, and at the end how
    /// many results there are.
    /// </summary>
    public abstract void Run(int count, ReadOnlySpan<byte> inputs, IBufferWriter<byte> reply);

    [UnconditionalSuppressMessage("AOT", "IL3050",
        Justification = "Targets are found by metadata tokens, which there are none of in a native image.")]
    [UnconditionalSuppressMessage("Trimming", "IL2060", Justification = "The makers ask nothing of their type parameters.")]
    public static Runner For(MethodInfo method)
    {
        var parameters = method.GetParameters().Select(parameter => parameter.ParameterType);
        Type[] types = method.ReturnType == typeof(void) ? [.. parameters] : [.. parameters, method.ReturnType];
        var maker = method.ReturnType == typeof(void) ? SilentMakers[types.Length] : Makers[types.Length - 1];
        if (types.Length > 0) maker = maker.MakeGenericMethod(types);
        return maker.CreateDelegate<Func<MethodInfo, Runner>>()(method);
    }

    private static MethodInfo[] Find(params ReadOnlySpan<string> names)
    {
        var found = new MethodInfo[names.Length];
        for (var i = 0; i < found.Length; i++)
            found[i] = typeof(Runner).GetMethod(names[i], BindingFlags.Static | BindingFlags.NonPublic)!;
        return found;
    }

    private static Runner None<TOut>(MethodInfo method) => Make<Nothing, TOut, Func<TOut>>(method, Wires.None, call => _ => call());

    private static Runner One<T, TOut>(MethodInfo method) => Make<T, TOut, Func<T, TOut>>(method, Wires.One<T>(method), call => call);

    private static Runner Two<T1, T2, TOut>(MethodInfo method) =>
        Make<(T1, T2), TOut, Func<T1, T2, TOut>>(method, Wires.Two<T1, T2>(method), call => input => call(input.Item1, input.Item2));

    private static Runner Three<T1, T2, T3, TOut>(MethodInfo method) => Make<(T1, T2, T3), TOut, Func<T1, T2, T3, TOut>>(
        method, Wires.Three<T1, T2, T3>(method), call => input => call(input.Item1, input.Item2, input.Item3));

    private static Runner SilentNone(MethodInfo method) => Make<Nothing, Nothing, Action>(method, Wires.None, call => _ =>
    {
        call();
        return default;
    });

    private static Runner SilentOne<T>(MethodInfo method) => Make<T, Nothing, Action<T>>(method, Wires.One<T>(method), call => input =>
    {
        call(input);
        return default;
    });

    private static Runner SilentTwo<T1, T2>(MethodInfo method) =>
        Make<(T1, T2), Nothing, Action<T1, T2>>(method, Wires.Two<T1, T2>(method), call => input =>
        {
            call(input.Item1, input.Item2);
            return default;
        });

    private static Runner SilentThree<T1, T2, T3>(MethodInfo method) =>
        Make<(T1, T2, T3), Nothing, Action<T1, T2, T3>>(method, Wires.Three<T1, T2, T3>(method), call => input =>
        {
            call(input.Item1, input.Item2, input.Item3);
            return default;
        });

    [UnconditionalSuppressMessage("Trimming", "IL2072",
        Justification = "A lambda that captures nothing has no state, so no constructor is needed.")]
    private static Runner<TIn, TOut> Make<TIn, TOut, TCall>(MethodInfo method, Wire<TIn> inputs, Func<TCall, Func<TIn, TOut>> adapt)
        where TCall : Delegate
    {
        var instance = method.IsStatic ? null : RuntimeHelpers.GetUninitializedObject(method.DeclaringType!);
        return new(inputs, Wires.Result<TOut>(method), adapt(method.CreateDelegate<TCall>(instance)));
    }
}

internal sealed class Runner<TIn, TOut>(Wire<TIn> inputWire, Wire<TOut> resultWire, Func<TIn, TOut> call) : Runner
{
    public override void Run(int count, ReadOnlySpan<byte> inputs, IBufferWriter<byte> reply)
    {
        Exception? failure = null;
        var good = 0;
        for (var i = 0; i < count; i++)
        {
            try
            {
                var result = call(inputWire.Read(ref inputs));

                // The others are run all the same: whoever mapped them counts on what they do, and only waits for one answer.
                if (failure is not null) continue;
                failure = TryWrite(result, reply);
                if (failure is null) good++;
            }
            catch (Exception thrown)
            {
                failure ??= thrown;
            }
        }

        if (failure is not null) Failure.Write(reply, failure);
        Framed.Write(reply, good);
    }

    private ResultNotSerializedException? TryWrite(TOut result, IBufferWriter<byte> reply)
    {
        try
        {
            resultWire.Write(result, reply);
            return null;
        }
        catch (Exception why)
        {
            return new(why);
        }
    }
}
