using System.Globalization;

namespace TicketRush.Server.Pages;

/// <summary>Amounts for people. Currencies differ in how many digits their minor unit has: a yen has none, a dinar three.</summary>
public static class Money
{
    private static readonly Dictionary<string, string> Signs = new(StringComparer.Ordinal)
    {
        ["CNY"] = "¥", ["JPY"] = "JP¥", ["EUR"] = "€", ["USD"] = "$", ["GBP"] = "£", ["KRW"] = "₩", ["INR"] = "₹", ["HKD"] = "HK$",
            ["TWD"] = "NT$",
    };

    private static readonly HashSet<string> WithoutDigits =
        ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"];

    private static readonly HashSet<string> WithThreeDigits = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

    /// <summary>Digits behind the point.</summary>
    public static int DigitsOf(string currency) => WithoutDigits.Contains(currency) ? 0 : WithThreeDigits.Contains(currency) ? 3 : 2;

    /// <summary>Such as ¥380 or €12.50; whole amounts without digits behind the point.</summary>
    public static string Say(long minor, string currency)
    {
        var number = Number(minor, currency, skipZeros: true);
        return SignOf(currency) + number;
    }

    /// <summary>What stands before the number.</summary>
    public static string SignOf(string currency) => Signs.TryGetValue(currency, out var sign) ? sign : currency + " ";

    /// <summary>The number alone, such as 380.00, as a form has it.</summary>
    public static string Number(long minor, string currency, bool skipZeros = false)
    {
        var digits = DigitsOf(currency);
        var unit = Unit(digits);
        var shown = skipZeros && minor % unit == 0 ? 0 : digits;
        return ((decimal)minor / unit).ToString((skipZeros ? "N" : "F") + shown, CultureInfo.InvariantCulture);
    }

    /// <summary>Reads what a form has; false when it is no amount of this currency.</summary>
    public static bool TryParse(string text, string currency, out long minor)
    {
        minor = 0;
        if (!decimal.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite,
            CultureInfo.InvariantCulture, out var value)
            || value > Engine.Plan.PriceMax)
            return false;

        var exact = value * Unit(DigitsOf(currency));
        if (exact != decimal.Truncate(exact) || exact > long.MaxValue) return false;
        minor = (long)exact;
        return true;
    }

    private static long Unit(int digits) => digits switch { 0 => 1, 3 => 1000, _ => 100 };
}
