using TicketRush.Multiprocessing;

namespace TicketRush.Cli.Race;

/// <summary>
/// Says what happens while it happens, as the documents' programs print it: a line for each doing of a small crowd, a bar for a big one.
/// Nothing when the result is to be JSON.
/// </summary>
internal sealed class Commentary(RaceOptions options, TextWriter output, bool isTerminal)
{
    private const string Red = "\e[31m", Green = "\e[32m", Yellow = "\e[33m", Grey = "\e[90m", Bold = "\e[1m", Plain = "\e[0m";

    private readonly BuyerState[] _said = new BuyerState[options.Buyers];
    private int _told;
    private int _over;

    public void Starting(int there, int all)
    {
        if (!options.Json && isTerminal && (there % 5 == 0 || there == all)) output.Write($"\r\e[K{there} of {all} processes started{(there == all ? "\r\e[K" : "")}");
    }

    public void Begin(Strategy strategy)
    {
        Array.Clear(_said);
        (_told, _over) = (0, 0);
        if (options.Json) return;
        output.WriteLine();
        output.WriteLine(Colour(Bold, $"{strategy.Name()}: {options.Buyers:N0} buyers, {options.Tickets:N0} {(options.Tickets == 1 ? "ticket" : "tickets")}"));
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
            if (!options.Json && options.IsTold) Say(i, _said[i], record);
            _said[i] = record.State;
        }

        if (!options.Json && !options.IsTold && isTerminal && over != _over)
        {
            const int Width = 40;
            var filled = (int)((long)over * Width / _said.Length);
            output.Write($"\r\e[K[{new string('█', filled)}{new string('░', Width - filled)}] {over:N0} of {_said.Length:N0}");
        }

        return _over = over;
    }

    public void End()
    {
        if (!options.Json && !options.IsTold && isTerminal) output.Write("\r\e[K");
    }

    private void Say(int buyer, BuyerState before, in BuyerRecord record)
    {
        var document = options.Document;
        if (before < BuyerState.Looked && record.State != BuyerState.LookCrashed && record.LookedAt > 0)
            output.WriteLine("  " + Colour(Grey, document.Say(document.Looked, record, buyer)));
        switch (record.State)
        {
            case BuyerState.Told:
                var isTooMany = ++_told > options.Tickets;
                output.WriteLine("  " + Colour(isTooMany ? Red : Green, document.Say(document.Got, record, buyer) + (isTooMany ? $"   ← number {_told} of {options.Tickets}" : "")));
                break;

            case BuyerState.Refused:
                output.WriteLine("  " + Colour(Yellow, document.Say(document.Failed, record, buyer)));
                break;

            case BuyerState.LookCrashed:
                output.WriteLine("  " + Colour(Red, $"buyer {buyer} ({record.Pid}) looked, met half a file and crashed"));
                break;

            case BuyerState.BuyCrashed:
                output.WriteLine("  " + Colour(Red, $"buyer {buyer} ({record.Pid}) met half a file while it bought, and crashed"));
                break;
        }
    }

    private string Colour(string colour, string text) => isTerminal ? colour + text + Plain : text;
}
