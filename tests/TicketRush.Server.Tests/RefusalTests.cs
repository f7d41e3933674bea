using System.Collections.Concurrent;
using TicketRush.Engine;
using TicketRush.Journal.Files;
using TicketRush.Server.Api;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

public sealed class RefusalTests(RunningServer server) : IClassFixture<RunningServer>
{
    // One story that meets every refusal there is; what is missing at its end is not reachable, or not tested.
    [Fact]
    public async Task Every_refusal_has_its_status_and_its_code()
    {
        var met = new ConcurrentDictionary<string, byte>();
        var protocol = await File.ReadAllTextAsync(Path.Combine(DescriptionTests.Root(), "docs", "PROTOCOL.md"));
        var draft = await server.CreateSaleAsync();
        Meet(await server.PutAsync(Hold(draft), Plans.Hold()), 409, Refusal.SaleDraft);
        Meet(await server.PostAsync($"{draft}/pause"), 409, Refusal.SaleDraft);
        Meet(await server.PostAsync($"{draft}/close"), 409, Refusal.SaleDraft);

        var later = await server.OpenSaleAsync(Plans.Concert(opensAt: "2099-01-01T10:00:00"));
        Meet(await server.PutAsync(Hold(later), Plans.Hold()), 409, Refusal.NotYetOpen);
        Assert.Equal("scheduled", (await server.GetAsync(later)).State);

        var sale = await server.OpenSaleAsync(Plans.Concert(capacity: 8, holdSeconds: 2, perOrder: 5));
        var paid = Hold(sale);
        (await server.PutAsync(paid, Plans.Hold(quantity: 4))).Is(200);
        (await server.PostAsync($"{paid}/extend", null, ("Idempotency-Key", "1"))).Is(200);
        Meet(await server.PostAsync($"{paid}/extend", null, ("Idempotency-Key", "2")), 409, Refusal.ExtensionLimit);
        Meet(await server.PutAsync(paid, Plans.Hold(quantity: 3)), 409, Refusal.IdReused);
        Meet(await server.PutAsync(Hold(sale), Plans.Hold(tier: "moon")), 404, Refusal.UnknownTier);
        Meet(await server.PutAsync(Hold(sale), Plans.Hold(quantity: 6)), 409, Refusal.OrderLimit, allowed: 5);
        Meet(await server.PutAsync(Hold(sale), Plans.Hold(quantity: 3)), 409, Refusal.BuyerLimit, allowed: 2);
        Meet(await server.PutAsync(Hold(sale), Plans.Hold("bob", 5)), 409, Refusal.NotEnough, allowed: 4);
        (await server.PostAsync($"{paid}/pay", Plans.Pay("1"))).Is(200);
        Meet(await server.PostAsync($"{paid}/pay", Plans.Pay("2")), 409, Refusal.AlreadyPaid, owed: 152_000);
        Meet(await server.DeleteAsync(paid), 409, Refusal.AlreadyPaid);

        var nothing = Hold(sale);
        Meet(await server.GetAsync(nothing), 404, Refusal.UnknownHold);
        Meet(await server.DeleteAsync(nothing), 404, Refusal.UnknownHold);
        Meet(await server.PostAsync($"{nothing}/pay", Plans.Pay("3")), 404, Refusal.UnknownHold);
        Meet(await server.PostAsync($"{nothing}/extend", null, ("Idempotency-Key", "3")), 404, Refusal.UnknownHold);
        Meet(await server.GetAsync(Order(nothing)), 404, Refusal.UnknownOrder);
        Meet(await server.PostAsync($"{Order(nothing)}/refund", Plans.Refund(), ("Idempotency-Key", "4")), 404, Refusal.UnknownOrder);
        Meet(await server.PostAsync($"{Order(paid)}/refund", Plans.Refund(tickets: "9"), ("Idempotency-Key", "5")), 404,
            Refusal.UnknownTicket);

        var released = Hold(sale);
        (await server.PutAsync(released, Plans.Hold("bob", 1))).Is(200);
        (await server.DeleteAsync(released)).Is(200);
        Meet(await server.PostAsync($"{released}/extend", null, ("Idempotency-Key", "6")), 409, Refusal.HoldReleased);
        Meet(await server.PostAsync($"{released}/pay", Plans.Pay("3")), 409, Refusal.HoldReleased, owed: 38_000);

        var lapsed = Hold(sale);
        (await server.PutAsync(lapsed, Plans.Hold("bob", 4))).Is(200);
        Meet(await server.PutAsync(Hold(sale), Plans.Hold("cat", 1)), 409, Refusal.SoldOut, allowed: 0);
        await Plans.UntilAsync(async () => (await server.GetAsync(lapsed)).State == "expired", "the hold's end");
        Meet(await server.PostAsync($"{lapsed}/extend", null, ("Idempotency-Key", "7")), 409, Refusal.HoldExpired);
        Meet(await server.DeleteAsync(lapsed), 409, Refusal.HoldExpired);
        (await server.PutAsync($"{sale}/orders/{Plans.NewId()}", Plans.Order("dan", 4))).Is(200);
        Meet(await server.PostAsync($"{lapsed}/pay", Plans.Pay("4")), 409, Refusal.SoldOut, owed: 152_000);

        // Read before anything is blocked: the refund below blocks two places, which changes the plan.
        var version = (await server.GetAsync(sale)).ETag!;
        Meet(await server.PutAsync(sale, Plans.Concert(capacity: 7, holdSeconds: 2, perOrder: 5), ("If-Match", version)), 409,
            Refusal.CapacityInUse);
        Meet(await server.PutAsync(sale, Plans.Concert(capacity: 9, holdSeconds: 3, perOrder: 5), ("If-Match", version)), 409,
            Refusal.PlanFrozen);
        (await server.PostAsync($"{Order(paid)}/refund", Plans.Refund(resell: false), ("Idempotency-Key", "8"))).Is(200);
        Meet(await server.PostAsync($"{Order(paid)}/refund", Plans.Refund(), ("Idempotency-Key", "9")), 409, Refusal.AlreadyRefunded);
        Meet(
            await server.PostAsync($"{Order(paid)}/refund", """{"reason":"Ann is ill","resell":true}""", ("Idempotency-Key", "10")), 400,
            Refusal.ReasonInvalid);
        Meet(await server.PostAsync($"{Order(paid)}/refund", Plans.Refund(), ("Idempotency-Key", "8")), 409, Refusal.IdReused);
        Meet(await server.PutAsync(sale, Plans.Concert(capacity: 9, holdSeconds: 2, perOrder: 5), ("If-Match", version)), 412,
            Refusal.PlanChanged);
        Meet(await server.PutAsync(sale, Plans.Concert(name: " ")), 422, Refusal.PlanInvalid);

        (await server.PostAsync($"{sale}/pause")).Is(200);
        Meet(await server.PutAsync(Hold(sale), Plans.Hold()), 409, Refusal.SalePaused);
        (await server.PostAsync($"{sale}/close")).Is(200);
        Meet(await server.PutAsync(Hold(sale), Plans.Hold()), 409, Refusal.SaleClosed);
        Meet(await server.PostAsync($"{sale}/pause"), 409, Refusal.SaleClosed);

        var owed = (await server.GetAsync(sale)).Json.GetProperty("owed");
        Assert.Equal((3, 342_000), (owed.GetProperty("payments").GetInt32(), owed.GetProperty("amount").GetInt32()));

        // Those of seats and journeys are met in a story of their own.
        var counted = Enum.GetValues<Refusal>().Where(refusal => refusal is not Refusal.None and < Refusal.UnknownSeat);
        Assert.Equal(counted.Select(Problems.Code).Order(), met.Keys.Order());

        void Meet(Answer answer, int status, Refusal refusal, int? allowed = null, long? owed = null)
        {
            answer.Is(status, Problems.Code(refusal));
            met[answer.Code!] = 0;
            Assert.Contains($"| `{answer.Code}` | {status} |", protocol, StringComparison.Ordinal);
            if (allowed is not null) Assert.Equal(allowed, answer.Json.GetProperty("allowed").GetInt32());

            // A refused payment is written down and has a receipt; no other refusal is.
            Assert.Equal(owed is not null, answer.Json.TryGetProperty("sequence", out _));
            Assert.Equal(owed is not null, answer.Json.TryGetProperty("hash", out _));
            if (owed is not null) Assert.Equal(owed, answer.Json.GetProperty("owedBack").GetInt64());
        }
    }

    [Fact]
    public async Task Where_nothing_is_collected_a_refused_payment_owes_nothing()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(payment: "none"));
        var hold = Hold(sale);
        (await server.PutAsync(hold, Plans.Hold())).Is(200);
        (await server.DeleteAsync(hold)).Is(200);
        var refused = (await server.PostAsync($"{hold}/pay", "{}")).Is(409, "HOLD_RELEASED");
        Assert.False(refused.Json.TryGetProperty("owedBack", out _));
        Assert.Equal(5, await server.SequenceAsync(sale));
    }

    [Fact]
    public async Task A_sale_whose_turn_another_process_keeps_answers_busy_within_two_seconds_and_then_sells_on()
    {
        var sale = await server.OpenSaleAsync();
        var order = $"{sale}/orders/{Plans.NewId()}";
        using (var other = FileJournal.Open(server.JournalOf(sale)))
        {
            other.TakeTurn(new Chain());
            var started = Environment.TickCount64;
            (await server.PutAsync(order, Plans.Order())).Is(503, "BUSY");
            Assert.InRange(Environment.TickCount64 - started, 1_000, 6_000);
            Assert.Equal(3, (await server.GetAsync($"{sale}/availability")).Is(200).Sequence);
            other.ReleaseTurn();
        }

        await Plans.UntilAsync(async () => (await server.PutAsync(order, Plans.Order())).Status == 200, "the turn");
        Assert.Equal(4, (await server.PutAsync(order, Plans.Order())).Is(200).Sequence);
    }

    [Fact]
    public async Task A_sale_that_cannot_be_read_is_stopped_alone()
    {
        var sale = RunningServer.NewSale();
        await File.WriteAllTextAsync(server.JournalOf(sale), new string('x', 5_000));
        (await server.GetAsync($"{sale}/availability")).Is(503, "SALE_STOPPED");
        (await server.PutAsync(Hold(sale), Plans.Hold())).Is(503, "SALE_STOPPED");
        (await server.PostAsync($"{sale}/open")).Is(503, "SALE_STOPPED");
        Assert.Equal("stopped", (await server.GetAsync(sale)).Is(200).State);
        Assert.DoesNotContain(server.Directory, (await server.GetAsync(sale)).Text, StringComparison.Ordinal);

        var health = (await server.GetAsync("/health/ready")).Is(200).Json.GetProperty("stopped").EnumerateArray();
        Assert.Contains(sale[11..], health.Select(name => name.GetString()));
        await server.OpenSaleAsync();
        File.Delete(server.JournalOf(sale));
    }

    [Fact]
    public async Task A_directory_that_is_full_of_sales_takes_no_more()
    {
        await using var crowded = await RunningServer.StartAsync();
        for (var i = 0; i < 2_000; i++) await File.WriteAllBytesAsync(Path.Combine(crowded.Directory, $"old-{i}.rush"), []);
        (await crowded.PutAsync(RunningServer.NewSale(), Plans.Concert())).Is(409, "TOO_MANY_SALES");
    }

    private static string Hold(string sale) => $"{sale}/holds/{Plans.NewId()}";

    private static string Order(string hold) => hold.Replace("/holds/", "/orders/", StringComparison.Ordinal);
}
