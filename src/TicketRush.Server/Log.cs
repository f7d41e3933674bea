namespace TicketRush.Server;

/// <summary>Everything the server logs. Never an id, a key, a buyer or a reference.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Sale {Sale} sells again.")]
    public static partial void Selling(ILogger log, string sale);

    [LoggerMessage(2, LogLevel.Warning, "Sale {Sale} waits: {Reason}")]
    public static partial void Waiting(ILogger log, string sale, string reason);

    [LoggerMessage(3, LogLevel.Critical, "Sale {Sale} is stopped: {Reason}")]
    public static partial void Stopped(ILogger log, string sale, string reason);

    [LoggerMessage(5, LogLevel.Warning, "{Warning}")]
    public static partial void OldRuntime(ILogger log, string warning);

    [LoggerMessage(4, LogLevel.Error, "The file of keys cannot be read; the keys read before stay in force. {Reason}")]
    public static partial void KeysUnreadable(ILogger log, string reason);

    [LoggerMessage(6, LogLevel.Information, "Process {Successor} sells from now on; this one answers what it was asked, and ends.")]
    public static partial void Upgraded(ILogger log, int successor);

    [LoggerMessage(7, LogLevel.Error, "There was no upgrade; this process goes on. {Reason}")]
    public static partial void UpgradeFailed(ILogger log, string reason);

    [LoggerMessage(8, LogLevel.Error, "A connection of the terminals port was ended by a defect here.")]
    public static partial void TerminalFailed(ILogger log, Exception e);

    [LoggerMessage(9, LogLevel.Warning, "RUSH_OFFICE_KEY does not end with 64 random hexadecimal digits, so it might be guessed: at the "
        + "terminals port it is taken over TLS and within this machine, and answers no challenge.")]
    public static partial void GuessableKey(ILogger log);

    [LoggerMessage(10, LogLevel.Warning, "{Warning}")]
    public static partial void Database(ILogger log, string warning);

    [LoggerMessage(11, LogLevel.Error, "It cannot be told which sales are new; those that are open are sold.")]
    public static partial void NewSalesFailed(ILogger log, Exception e);

    [LoggerMessage(20, LogLevel.Error, "The board goes on, but something failed. Other failures of this minute are not logged.")]
    public static partial void BoardFailed(ILogger log, Exception e);

    [LoggerMessage(21, LogLevel.Warning, "The board's group is sent {Max} sales; {LeftOut} more are open. See --board-sales.")]
    public static partial void BoardLeavesOut(ILogger log, int max, int leftOut);
}
