using System.Security.Cryptography;
using System.Text;
using TicketRush.Engine;

namespace TicketRush.Server.Pages;

/// <summary>The form in which tickets are chosen.</summary>
/// <param name="Id">The id that the hold will have, made afresh with the form: a form that is sent twice is one hold.</param>
/// <param name="Quantities">What was chosen before, by tier, when the form comes back.</param>
public sealed record Choice(SaleView Sale, string Id, Dictionary<string, int> Quantities, string? Problem)
{
    public string? Link { get; init; }
    public string? LinkText { get; init; }

    /// <summary>The kinds of tickets and their prices, in short: what a form showed when it was filled in.</summary>
    public static string SeenOf(Plan plan)
    {
        var text = string.Join(' ', plan.Tiers.Select(tier => $"{tier.Id}={tier.Price}{PricesOf(tier)}"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));
    }

    private static string PricesOf(TierPlan tier) =>
        tier.LegPrices is { } legs ? $":{string.Join(',', legs)}"
        : tier.PairPrices is { } pairs ? $":{string.Join(';', pairs.Select(row => string.Join(',', row)))}" : "";
}

/// <param name="MayPay">The buyer itself may pay, on this page.</param>
/// <param name="Qr">The code to show at the counter, where it may not.</param>
public sealed record HoldView(
    SaleView Sale, string Id, HoldState State, long UntilMs, int Extensions, PricedLines Lines, bool MayPay, string? Qr, string? Problem)
{
    public long Amount => Lines.Amount;

    /// <summary>Seats and journey; null where the sale has none of these.</summary>
    public GivenView? Given { get; init; }

    /// <summary>What was given back for it, in minor units.</summary>
    public long Credit { get; init; }

    /// <summary>It was a wish on the waitlist, and left it.</summary>
    public bool HasLeft => State == HoldState.Released && UntilMs == 0;

    /// <summary>Rounded down: who sees 0:01 can still press.</summary>
    public int SecondsLeft => (int)Math.Clamp((UntilMs - Sale.NowMs) / 1000, 0, int.MaxValue);

    public bool IsLive => State == HoldState.Held && SecondsLeft > 0;

    public string PercentLeft => Math.Clamp(SecondsLeft * 100.0 / Sale.Plan.Rules.HoldSeconds, 0, 100)
        .ToString("0.#", System.Globalization.CultureInfo.InvariantCulture);
}

/// <param name="Qr">SVG.</param>
/// <param name="Seat">In words; null where it has none.</param>
public sealed record TicketView(long Number, string Tier, long Price, bool IsRefunded, string Qr, string? Seat = null);

/// <param name="Hash">The receipt's hash, where the order was found by its id.</param>
public sealed record OrderView(SaleView Sale, OrderRow Order, string Code, string Link, TicketView[] Tickets, string? Hash)
{
    public GivenView? Given { get; init; }

    /// <summary>The address at which it is exchanged; null where it cannot be, or by who looks at it.</summary>
    public string? ExchangeUrl { get; init; }
}

/// <summary>What this browser bought or holds.</summary>
public sealed record KeptView(string Sale, string Url, int Places, bool IsPaid, long Number, bool IsWaiting = false);

public sealed record FindView(SaleView[] Sales, string? Sale, string? Code, KeptView[] Kept, string? Problem);

/// <summary>A form that a page sends again by itself.</summary>
public sealed record AgainForm(string Action, (string Name, string Value)[] Fields);

/// <summary>A page that asks again by itself: with a script it sends the form, without one the browser goes to <paramref
/// name="Next"/>.</summary>
/// <param name="Opens">What it waits for, when that is known.</param>
/// <param name="IsUnknown">What was asked may have happened: nobody is led back to where it could be bought once more.</param>
public sealed record WaitView(
    SaleView? Sale, string Title, string Text, int Seconds, string Next, AgainForm? Form, string? Opens = null, bool IsUnknown = false);

public sealed record Message(string Title, string Text, string Link, string LinkText);
