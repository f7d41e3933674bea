using TicketRush.Multiprocessing;

namespace TicketRush.Cli.Race;

/// <summary>
/// Says what happens while it happens, as the documents' programs print it: a line for each doing of a small crowd, a bar for a big one.
/// Nothing when the result is to be JSON.
/// </summary>
internal sealed class Commentary(RaceOptions options, TextWriter output, Screen screen)
{
    private const string Red = "\e[31m", Green = "\e[32m", Yellow = "\e[33m", Grey = "\e[90m", Bold = "\e[1m", Plain = "\e[0m";

    private readonly BuyerState[] _said = new BuyerState[options.Buyers];
    private readonly List<(long At, int Buyer, bool IsLook)> _news = [];
    private Strategy _strategy;
    private int _told;
    private int _over;

    public void Starting(int there, int all)
    {
        if (options.Json || !screen.IsTerminal) return;
        output.Write(there < all ? $"\r\e[K{there} of {all} processes started" : "\r\e[K");
    }

    public void Begin(Strategy strategy)
    {
        Array.Clear(_said);
        (_strategy, _told, _over) = (strategy, 0, 0);
        if (options.Json) return;
        output.WriteLine();
        var (buyers, tickets) = (Counted(options.Buyers, "buyer"), Counted(options.Tickets, "ticket"));
        output.WriteLine(Colour(Bold, $"{strategy.Name()}: {buyers}, {tickets}"));
    }

    /// <returns>How many buyers are through.</returns>
    public int Follow(SharedArray<BuyerRecord> records)
    {
        var over = 0;
        for (var i = 0; i < _said.Length; i++)
        {
            // Nobody changes once through, so those are not looked at again.
            if (_said[i] >= BuyerState.LookCrashed)
            {
                over++;
                continue;
            }

            var record = records[i];
            if (record.State == _said[i]) continue;
            if (record.IsOver) over++;
            if (_said[i] == BuyerState.Absent && record.State != BuyerState.LookCrashed) _news.Add((record.LookedAt, i, true));
            if (record.IsOver) _news.Add((Math.Max(record.LookedAt, record.AnsweredAt), i, false));
            _said[i] = record.State;
        }

        if (!options.Json && options.IsTold)
        {
            foreach (var (_, buyer, isLook) in _news.Order()) Say(buyer, records[buyer], isLook);
        }

        _news.Clear();

        if (!options.Json && !options.IsTold && screen.IsTerminal && over != _over)
        {
            const int Width = 40;
            var filled = (int)((long)over * Width / _said.Length);
            output.Write($"\r\e[K[{new string('█', filled)}{new string('░', Width - filled)}] {over:N0} of {_said.Length:N0}");
        }

        return _over = over;
    }

    public void End()
    {
        if (!options.Json && !options.IsTold && screen.IsTerminal) output.Write("\r\e[K");
    }

    private void Say(int buyer, in BuyerRecord record, bool isLook)
    {
        var document = options.Document;
        if (isLook)
        {
            output.WriteLine("  " + Colour(Grey, document.Say(document.Looked, record, buyer)));
            return;
        }

        switch (record.State)
        {
            case BuyerState.Told:
                var isTooMany = ++_told > options.Tickets;
                var number = isTooMany ? $"   ← number {_told} of {options.Tickets}" : "";
                output.WriteLine("  " + Colour(isTooMany ? Red : Green, document.Say(document.Got, record, buyer) + number));
                break;

            case BuyerState.Refused:
                output.WriteLine("  " + Colour(Yellow, document.Say(document.Failed, record, buyer)));
                break;

            case BuyerState.LookCrashed:
                output.WriteLine("  " + Colour(Red, $"buyer {buyer} ({record.Pid}) looked, {Met} and crashed"));
                break;

            case BuyerState.BuyCrashed:
                output.WriteLine("  " + Colour(Red, $"buyer {buyer} ({record.Pid}) {Met} while it bought, and crashed"));
                break;
        }
    }

    private string Met => _strategy.UsesFile() ? "met half a file" : "lost who serves it";

    private static string Counted(int number, string what) => $"{number:N0} {what}{(number == 1 ? "" : "s")}";

    private string Colour(string colour, string text) => screen.HasColours ? colour + text + Plain : text;
}
