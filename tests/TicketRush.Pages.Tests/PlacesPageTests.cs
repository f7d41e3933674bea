using System.Net;
using System.Text.RegularExpressions;
using TicketRush.Pages.Tests.Hosting;

namespace TicketRush.Pages.Tests;

/// <summary>Seats, journeys and the waitlist without a browser: what is sent, what a form does, and what is not there for
/// strangers.</summary>
public sealed class PlacesPageTests(Site site) : IClassFixture<Site>
{
    [Fact]
    public async Task A_picked_seat_is_had_once_and_the_form_sent_twice_is_one_hold()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall());
        using var ann = site.Visitor();
        using var bob = site.Visitor();
        var seats = await ann.LookAsync($"/sales/{sale}/choose?pool=stalls&section=stalls");
        var others = await bob.LookAsync($"/sales/{sale}/choose?pool=stalls&section=stalls");
        var holds = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ =>
            ann.SubmitAsync(seats, $"/sales/{sale}/holds", ("seat", "stalls-1-4"))));
        Assert.Single(holds.Select(hold => hold.Is(200).Path).Distinct());
        Assert.Contains("stalls, row 1, seat 4", holds[0].Text, StringComparison.Ordinal);

        var late = (await bob.SubmitAsync(others, $"/sales/{sale}/holds", ("seat", "stalls-1-4"), ("seat", "stalls-1-5"))).Is(409);
        Assert.Contains("stalls, row 1, seat 4 is gone", late.Text, StringComparison.Ordinal);
        Assert.Matches("value=\"stalls-1-5\" checked", late.Html);
        Assert.Matches("value=\"stalls-1-4\" disabled", late.Html);
        (await bob.SubmitAsync(late, $"/sales/{sale}/holds", ("seat", "stalls-1-5"))).Is(200);
    }

    [Theory]
    [InlineData("seat", "stalls-9-9", "does not exist")]
    [InlineData("seat", "<script>", "does not exist")]
    [InlineData("seat", "stalls-3-1", "kept for those who ask")]
    [InlineData("q.student", "3", "more tickets than seats")]
    public async Task What_cannot_be_had_is_said_and_nothing_is_kept(string field, string value, string said)
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall());
        using var visitor = site.Visitor();
        var page = await visitor.LookAsync($"/sales/{sale}/choose?pool=stalls&section=stalls");
        var refused = await visitor.SubmitAsync(page, $"/sales/{sale}/holds",
            [("seat", field == "seat" ? value : "stalls-1-1"), .. field == "seat" ? [] : ((string, string)[])[(field, value)]]);
        Assert.True(refused.Status is 409 or 422, refused.Html);
        Assert.Contains(said, refused.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", refused.Html, StringComparison.Ordinal);
        Assert.Contains("\"held\":0", await site.Office.GetStringAsync($"/api/sales/{sale}/availability"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?pool=nothing&section=x", 200)]
    [InlineData("?pool=stalls&section=nothing", 200)]
    [InlineData("?pool=stalls&section=stalls&part=99999", 200)]
    [InlineData("?pool=%00&section=%ff&from=a&to=b&wheelchair=-1&part=-1", 200)]
    [InlineData("?of=00000000000000000000000000000000", 404)]
    [InlineData("?of=nothing", 200)]
    [InlineData("?wheelchair=99999999999&apart=maybe&seat=,,,,&ticket=x,y", 200)]
    public async Task Any_address_is_a_page(string query, int status)
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall());
        using var visitor = site.Visitor();
        (await visitor.LookAsync($"/sales/{sale}/choose{query}")).Is(status);
        (await visitor.LookAsync($"/sales/{sale}/waitlist?tier=nothing&n=0&from=x")).Is(200);
        (await visitor.LookAsync($"/sales/{sale}/free?tier=nothing")).Is(404);
    }

    [Fact]
    public async Task A_million_seats_in_one_form_are_refused_and_nothing_is_kept()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall());
        using var visitor = site.Visitor();
        var page = await visitor.LookAsync($"/sales/{sale}/choose?pool=stalls&section=stalls");
        var many = string.Join(',', Enumerable.Range(0, 1_000).Select(i => $"stalls-1-{i}"));
        Assert.Equal(409, (await visitor.SubmitAsync(page, $"/sales/{sale}/holds", ("seat", many))).Status);
        var body = $$"""{"buyer":"a","items":[{"tier":"stalls","quantity":1000000}]}""";
        var answer = await site.Office.PutAsync($"/api/sales/{sale}/holds/{Guid.NewGuid()}", Site.Json(body));
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
        Assert.Contains("\"held\":0", await site.Office.GetStringAsync($"/api/sales/{sale}/availability"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wish_that_waits_for_the_sale_names_no_passenger_in_its_link_and_nobody_else_may_follow_or_change_it()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Train());
        using var ann = site.Visitor();
        var choose = await ann.LookAsync($"/sales/{sale}/choose?from=beijing&to=nanjing");
        (await site.Office.PostAsync($"/api/sales/{sale}/pause", null)).EnsureSuccessStatusCode();
        var wait = (await ann.SubmitAsync(choose, $"/sales/{sale}/holds", ("q.second", "1"), ("p.0", "Ann Example"))).Is(503);
        var next = wait.Headers.GetValues("Refresh").Single().Split("url=")[1];
        Assert.DoesNotContain("Ann", next, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("from=beijing", next, StringComparison.Ordinal);

        // The form that a script sends again has the name, which nobody else sees.
        Assert.Contains(wait.FormOf($"/sales/{sale}/holds"), field => field == ("p.0", "Ann Example"));
        (await site.Office.PostAsync($"/api/sales/{sale}/open", null)).EnsureSuccessStatusCode();
        using var bob = site.Visitor();
        await bob.LookAsync("/find");
        (await bob.LookAsync(next)).Is(400);
        (await ann.LookAsync(next.Replace("to=nanjing", "to=shanghai", StringComparison.Ordinal))).Is(400);
        (await ann.LookAsync(Regex.Replace(next, "who=[0-9a-f]{4}", "who=0000"))).Is(400);
        (await ann.LookAsync(next + "&wheelchair=1")).Is(400);
        (await ann.LookAsync(next + "&waits=yes")).Is(400);
        var hold = (await ann.LookAsync(next)).Is(200);
        Assert.Contains("Coach 01, seat 1A", hold.Text, StringComparison.Ordinal);

        // The passenger is the one that was named: a second place on this leg is refused.
        choose = await ann.LookAsync($"/sales/{sale}/choose?from=beijing&to=shanghai");
        Assert.Contains("has a place", (await ann.SubmitAsync(choose, $"/sales/{sale}/holds", ("q.second", "1"), ("p.0",
            "Ann Example"))).Is(409).Text, StringComparison.Ordinal);
        Assert.DoesNotContain(site.Logged, line => line.Contains("Ann Example", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Anothers_hold_is_exchanged_by_nobody()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall());
        using var ann = site.Visitor();
        using var bob = site.Visitor();
        var hold = (await ann.SubmitAsync(await ann.LookAsync($"/sales/{sale}/choose"), $"/sales/{sale}/holds", ("q.stalls", "1"))).Is(200);
        var id = hold.Path[(hold.Path.LastIndexOf('/') + 1)..];
        var choose = await bob.LookAsync($"/sales/{sale}/choose");
        (await bob.LookAsync($"/sales/{sale}/choose?of={id}")).Is(404);
        var asked = await bob.SubmitAsync(choose, $"/sales/{sale}/holds", ("q.stalls", "1"), ("of", id));
        Assert.NotEqual(200, asked.Status);
        Assert.Contains("\"held\":1", await site.Office.GetStringAsync($"/api/sales/{sale}/availability"), StringComparison.Ordinal);
        Assert.Contains("kept for you", (await ann.LookAsync(hold.Path)).Is(200).Title, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_money_is_collected_an_order_is_exchanged_for_the_same_price_alone()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall(payment: "external"));
        using var ann = site.Visitor();
        var hold = (await ann.SubmitAsync(await ann.LookAsync($"/sales/{sale}/choose"), $"/sales/{sale}/holds", ("q.stalls", "1"))).Is(200);
        var id = hold.Path[(hold.Path.LastIndexOf('/') + 1)..];
        (await site.Office.PostAsync($"/api/sales/{sale}/holds/{id}/pay", Site.Json("""{"reference":"r"}"""))).EnsureSuccessStatusCode();
        var order = await ann.LookAsync(hold.Path);
        Assert.Contains($"choose?of={id}", order.Html, StringComparison.Ordinal);
        var choose = await ann.LookAsync($"/sales/{sale}/choose?of={id}");
        var dearer = await ann.SubmitAsync(choose, $"/sales/{sale}/holds", ("q.stalls", "0"), ("q.balcony", "1"));
        Assert.Contains("its price differs", dearer.Is(409).Text, StringComparison.Ordinal);
        var other = await ann.LookAsync($"/sales/{sale}/choose?of={id}&pool=stalls&section=stalls");
        Assert.Contains("stalls, row 2, seat 8", (await ann.SubmitAsync(other, $"/sales/{sale}/holds", ("seat",
            "stalls-2-8"))).Is(200).Text, StringComparison.Ordinal);
        Assert.Contains("\"sold\":1", await site.Office.GetStringAsync($"/api/sales/{sale}/availability"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stadium_is_shown_by_section_and_never_whole()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Sample("stadium-60000"));
        using var visitor = site.Visitor();
        var choose = (await visitor.LookAsync($"/sales/{sale}/choose")).Is(200);
        Assert.InRange(choose.Html.Length, 1_000, 200_000);
        Assert.Equal(80 * 2, Regex.Count(choose.Html, "href=\"[^\"]*section="));
        foreach (Match link in Regex.Matches(choose.Html, "href=\"([^\"]*pool=upper-end&amp;section=[^\"]*)\"").Take(3))
        {
            var seats = (await visitor.LookAsync(WebUtility.HtmlDecode(link.Groups[1].Value))).Is(200);
            Assert.InRange(Regex.Count(seats.Html, "name=\"seat\""), 1, Server.Pages.Sections.SeatsOnPage);
            Assert.Contains("part=1", seats.Html, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_free_says_at_which_sequence_and_on_which_journey()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Train(passengers: false));
        var body = """{"buyer":"ann","from":"nanjing","to":"shanghai","items":[{"tier":"second","quantity":4}]}""";
        for (var i = 0; i < 2; i++)
        {
            var answer = await site.Office.PutAsync($"/api/sales/{sale}/holds/{Guid.NewGuid()}", Site.Json(body));
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        }

        using var visitor = site.Visitor();
        await Site.UntilAsync(async () => (await visitor.LookAsync($"/sales/{sale}")).Text.Contains("none left", StringComparison.Ordinal),
            "the whole journey is gone");
        var first = (await visitor.LookAsync($"/sales/{sale}/choose?from=beijing&to=nanjing")).Is(200);
        Assert.Contains("8 left", first.Text, StringComparison.Ordinal);
        Assert.Contains("True at sequence 5.", first.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("8 left", (await visitor.LookAsync($"/sales/{sale}/choose?from=nanjing&to=shanghai")).Text,
            StringComparison.Ordinal);

        // The train is not sold out: on another journey there are seats.
        Assert.Contains("On sale", (await visitor.LookAsync($"/sales/{sale}")).Text, StringComparison.Ordinal);
    }
}
