using TicketRush.Engine;
using TicketRush.Server.Access;
using TicketRush.Server.Pages;

namespace TicketRush.Server.Office;

/// <param name="Next">Where to go when the key is right: a path of the office.</param>
public sealed record SignInView(string Next, string? Problem);

/// <summary>A form that is to be sent again, with the key.</summary>
/// <param name="WasWrong">A key was given, and was not that of who is signed in.</param>
public sealed record KeyAgainView(AgainForm Form, string Back, bool WasWrong);

public sealed record OfficeListView((string Name, SaleView? Sale, string? Reason)[] Sales);

/// <summary>The form of a plan: what was typed, and what is wrong with it, by the path of the field.</summary>
public sealed record PlanView(
    string? Sale, long Revision, bool IsFrozen, Dictionary<string, string> Values, int Pools, int Tiers, Dictionary<string, string> Errors,
        string? Problem)
{
    public bool IsNew => Sale is null;

    public string Value(string path) => Values.GetValueOrDefault(path, "");
}

/// <param name="Message">What was done just now.</param>
public sealed record DashboardView(SaleView Sale, FiguresView Figures, string? Message, string? Problem);

/// <summary>What happened in a sale lately, in this process.</summary>
/// <param name="PerSecond">Purchases in each of the last seconds, the newest last.</param>
/// <param name="Refused">How often, by code, since the process started; most frequent first.</param>
public sealed record FiguresView(
    int[] PerSecond, (string Code, long Count)[] Refused, double? FlushMs, double? FlushMsWorst, long? Inbox, double? Batch,
        double? TurnWaitMs, int Viewers);

public sealed record OrdersView(SaleView Sale, OrderRow[] Orders, long Next, string Number, string Ticket, string Buyer, string? Problem,
    bool IsSearch);

/// <param name="Key">Names the refund, made afresh with the form.</param>
public sealed record OrderDeskView(SaleView Sale, OrderRow Order, TicketView[] Tickets, string Code, string PrintUrl, string Key,
    string? Message, string? Problem);

/// <param name="Id">The id that the order will have.</param>
public sealed record CounterView(SaleView Sale, string Id, Dictionary<string, int> Quantities, string Buyer, string Reference,
    string? Problem)
{
    public PlacesWish Wish { get; init; } = PlacesWish.None;
}

public sealed record TakeView(SaleView Sale, string Id, HoldState State, long UntilMs, PricedLines Lines, string Reference,
    string? Problem);

/// <param name="Secret">A key that was made just now: shown this once.</param>
public sealed record KeysView(IReadOnlyList<Key> Keys, string? Secret, string Name, string? Problem);
