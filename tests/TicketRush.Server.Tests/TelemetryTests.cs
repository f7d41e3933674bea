using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

public sealed class TelemetryTests
{
    [Fact]
    public async Task The_sales_path_is_counted_and_measured_by_sale_and_by_code_and_names_nobody()
    {
        await using var server = await RunningServer.StartAsync();
        var sale = await server.OpenSaleAsync(Plans.Concert(capacity: 3));
        var name = sale[11..];
        var (measured, tags) = (new ConcurrentDictionary<string, double>(), new ConcurrentBag<string>());
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name.StartsWith("TicketRush.", StringComparison.Ordinal)) l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, labels, _) => Note(instrument, value, labels));
        listener.SetMeasurementEventCallback<int>((instrument, value, labels, _) => Note(instrument, value, labels));
        listener.SetMeasurementEventCallback<double>((instrument, value, labels, _) => Note(instrument, value, labels));
        listener.Start();

        var id = Plans.NewId();
        (await server.PutAsync($"{sale}/orders/{id}", Plans.Order("Anneliese", 2))).Is(200);
        for (var i = 0; i < 3; i++)
            (await server.PutAsync($"{sale}/orders/{Plans.NewId()}", Plans.Order("Anneliese", 2))).Is(409, "NOT_ENOUGH");
        listener.RecordObservableInstruments();

        Assert.Equal(3, measured[$"ticketrush.refusals sale={name} code=NotEnough"]);
        Assert.Equal(3, measured[$"ticketrush.decisions sale={name} outcome=Refused"]);
        Assert.True(measured[$"ticketrush.decisions sale={name} outcome=Done"] >= 2);
        Assert.Equal(0, measured[$"ticketrush.inbox.depth sale={name}"]);
        Assert.Equal(1, measured[$"ticketrush.batch.entries sale={name}"]);
        Assert.InRange(measured[$"ticketrush.flush.duration sale={name}"], 0.000_001, 10);
        Assert.InRange(measured[$"ticketrush.turn.wait sale={name}"], 0, 10);
        Assert.Equal(2, measured[$"ticketrush.places sale={name} pool=floor state=sold"]);
        Assert.True(measured["ticketrush.turned_away code=NOT_ENOUGH"] >= 1);
        Assert.DoesNotContain(
            tags, tag => tag.Contains("Anneliese", StringComparison.Ordinal) || tag.Contains(id, StringComparison.Ordinal)
            || tag.Contains("r1", StringComparison.Ordinal));

        void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> labels)
        {
            var text = string.Join(' ', labels.ToArray().Select(label => $"{label.Key}={label.Value}"));
            tags.Add(text);
            measured[$"{instrument.Name} {text}"] = value;
        }
    }
}
