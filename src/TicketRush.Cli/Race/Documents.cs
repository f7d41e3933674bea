using System.Globalization;

namespace TicketRush.Cli.Race;

/// <summary>What a teaching document's own program prints, and the numbers it runs with.</summary>
/// <param name="Number">As in the name of the document: 004.</param>
/// <param name="File">The name of its file of tickets.</param>
/// <param name="Key">The name under which the number stands in it.</param>
/// <param name="DelayMs">What it sleeps between reading and writing.</param>
/// <param name="Looked">What a buyer prints who looks; {0} is the process, {1} the buyer, {2} what is left.</param>
/// <param name="Got">What it prints when it got one.</param>
/// <param name="Failed">What it prints when there was none.</param>
internal sealed record Document(
    string Number, int Buyers, int Tickets, string File, string Key, int DelayMs, string Looked, string Got, string Failed)
{
    public static readonly Document[] All =
    [
        new("000", 15, 20, "db.txt", "count", 1000, "还剩{2}", "进程{0} 抢票成功", "票已经售空啦!!!!!!!!!!!"),
        new("001", 100, 5, "db", "count", 100, "剩余票数{2}", "购票成功", "购票失败"),
        new("002", 10, 5, "db.txt", "count", 2000, "{0} 查看余票数为 {2}", "{0} 购票成功", "{0} 没有余票"),
        new("003", 4, 3, "db.txt", "count", 1000, "余票{2}张", "进程{0}抢票成功", "票售空了"),
        new(
            "004", 10, 1, "data.json", "ticket_num", 100, "user{1}Check the remaining tickets{2}...", "user{1}Successful ticket grabbing!",
            "user{1}Ticket failure"),
    ];

    /// <summary>What TicketRush itself says.</summary>
    public static readonly Document Own = new(
        "", 100, 5, "db.txt", "count", 20, "buyer {1} ({0}) looks: {2} left", "buyer {1} ({0}) has one", "buyer {1} ({0}) got none");

    public static Document? Find(string number) => All.FirstOrDefault(document => document.Number == number);

    public string Say(string what, in BuyerRecord buyer, int index)
    {
        var name = Number == "004" ? $"user{index}" : index.ToString(CultureInfo.InvariantCulture);
        return string.Format(CultureInfo.InvariantCulture, what, buyer.Pid, name, buyer.Saw);
    }
}
