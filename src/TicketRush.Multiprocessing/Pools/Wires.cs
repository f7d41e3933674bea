using System.Reflection;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>The wires of a method's parameters, found in the same way where it is called from and where it runs.</summary>
internal static class Wires
{
    public static Wire<Nothing> None => Wire<Nothing>.Of("");

    public static Wire<T> One<T>(MethodInfo method) => Parameter<T>(method, 0);

    public static Wire<(T1, T2)> Two<T1, T2>(MethodInfo method) =>
        new PairWire<T1, T2>(Parameter<T1>(method, 0), Parameter<T2>(method, 1));

    public static Wire<(T1, T2, T3)> Three<T1, T2, T3>(MethodInfo method) =>
        new TripleWire<T1, T2, T3>(Parameter<T1>(method, 0), Parameter<T2>(method, 1), Parameter<T3>(method, 2));

    public static Wire<TOut> Result<TOut>(MethodInfo method) => Wire<TOut>.Of($"The result of {method.Name}");

    private static Wire<T> Parameter<T>(MethodInfo method, int number) =>
        Wire<T>.Of($"The argument {method.GetParameters()[number].Name} of {method.Name}");
}
