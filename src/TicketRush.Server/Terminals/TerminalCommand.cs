using System.Text;
using TicketRush.Engine;
using TicketRush.Server.Access;

namespace TicketRush.Server.Terminals;

/// <summary>What a command is about; the session's switch goes by it.</summary>
internal enum TerminalVerb : byte
{
    None = 0,

    // Decided by a sale, in order.
    Hold,
    Buy,
    Pay,
    Extend,
    Release,
    Refund,
    Order,

    // Answered at once.
    Ping,
    Echo,
    Hello,
    Auth,
    Sales,
    Available,
    Watch,
    Unwatch,
    Command,
    Info,
    Client,
    Quit,
}

/// <summary>One command: what it is called, how many words it takes, who may ask it. docs/PROTOCOL.md prints the table and a test compares
/// it.</summary>
/// <param name="Arity">Words with the name; negative when there may be more.</param>
/// <param name="IsForStrangers">May be asked before anything is proved.</param>
/// <param name="Asks">The kind of command that a sale is asked; none for what is answered at once.</param>
internal sealed record TerminalCommand(
    TerminalVerb Verb, int Arity, Permission Permission, bool IsForStrangers, CommandKind Asks, string Usage)
{
    private byte[] Utf8 { get; } = Encoding.ASCII.GetBytes(Verb.ToString().ToUpperInvariant());

    public string Name { get; } = Verb.ToString().ToUpperInvariant();

    public static TerminalCommand[] All { get; } =
    [
        Sale(TerminalVerb.Buy, -6, Permission.Hold, CommandKind.Purchase, "BUY sale id buyer tier quantity [REFERENCE text] [places]"),
        Sale(TerminalVerb.Hold, -6, Permission.Hold, CommandKind.Hold, "HOLD sale id buyer tier quantity [places]"),
        Sale(TerminalVerb.Pay, -3, Permission.Hold, CommandKind.Pay, "PAY sale id [reference]"),
        Sale(TerminalVerb.Extend, 4, Permission.Hold, CommandKind.Extend, "EXTEND sale id key"),
        Sale(TerminalVerb.Release, 3, Permission.Hold, CommandKind.Release, "RELEASE sale id"),
        Sale(TerminalVerb.Refund, -6, Permission.Refund, CommandKind.Refund, "REFUND sale id key reason RESELL|BLOCK [TICKETS number …]"),
        Sale(TerminalVerb.Order, 3, Permission.SeeOrders, CommandKind.FindOrder, "ORDER sale id"),
        AtOnce(TerminalVerb.Ping, -1, isForStrangers: true, "PING [text]"),
        AtOnce(TerminalVerb.Echo, 2, isForStrangers: false, "ECHO text"),
        AtOnce(TerminalVerb.Available, -2, isForStrangers: false, "AVAILABLE sale [tier] [FROM stop TO stop]"),
        AtOnce(TerminalVerb.Sales, 1, isForStrangers: false, "SALES"),
        AtOnce(TerminalVerb.Watch, -2, isForStrangers: false, "WATCH sale [AFTER sequence]", Permission.ListOrders),
        AtOnce(TerminalVerb.Unwatch, 2, isForStrangers: false, "UNWATCH sale"),
        AtOnce(TerminalVerb.Hello, -1, isForStrangers: true, "HELLO [2|3 [AUTH keyid secret] [SETNAME text]]"),
        AtOnce(
            TerminalVerb.Auth, -2, isForStrangers: true,
            "AUTH keyid secret | AUTH CHALLENGE client keyid nonce | AUTH PROOF proof"),
        AtOnce(TerminalVerb.Command, -1, isForStrangers: false, "COMMAND [COUNT|LIST|INFO|DOCS]"),
        AtOnce(TerminalVerb.Info, -1, isForStrangers: false, "INFO"),
        AtOnce(TerminalVerb.Client, -2, isForStrangers: true, "CLIENT SETNAME text|GETNAME|ID|SETINFO name value"),
        AtOnce(TerminalVerb.Quit, 1, isForStrangers: true, "QUIT"),
    ];

    public static TerminalCommand? Find(ReadOnlySpan<byte> name)
    {
        foreach (var command in All)
        {
            if (command.Is(name)) return command;
        }

        return null;
    }

    public bool Is(ReadOnlySpan<byte> name) =>
        name.SequenceEqual(Utf8) || (name.Length == Utf8.Length && Ascii.EqualsIgnoreCase(name, Utf8));

    public bool Takes(int words) => Arity < 0 ? words >= -Arity : words == Arity;

    /// <summary>What to say to other words than it takes.</summary>
    public TerminalError HasOtherWords => TerminalError.Invalid($"{Name} has other words: {Usage}");

    private static TerminalCommand Sale(TerminalVerb verb, int arity, Permission permission, CommandKind asks, string usage) =>
        new(verb, arity, permission, IsForStrangers: false, asks, usage);

    private static TerminalCommand AtOnce(
        TerminalVerb verb, int arity, bool isForStrangers, string usage, Permission permission = Permission.None) =>
        new(verb, arity, permission, isForStrangers, CommandKind.None, usage);
}
