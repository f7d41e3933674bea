using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Multiprocessing.Tests.Connections;

public sealed class DescriptorTests
{
    [Fact, Trait("Case", "56")]
    public void A_descriptor_travels_over_a_connection()
    {
        var (a, b) = Pipe.Create();
        var path = Path.GetTempFileName();
        try
        {
            using (a)
            using (b)
            {
                a.Send("before"u8);
                using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write)) a.SendDescriptor(file);
                a.Send("after"u8);
                Assert.Equal("before"u8, b.Receive());
                using (var received = b.ReceiveDescriptor()) RandomAccess.Write(received, "through another descriptor"u8, 0);
                Assert.Equal("after"u8, b.Receive());
                a.Close();
                Assert.Throws<EndOfStreamException>(() => b.ReceiveDescriptor());
            }

            Assert.Equal("through another descriptor", File.ReadAllText(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact, Trait("Case", "56")]
    public void A_missing_descriptor_is_an_error_and_the_connection_stays_usable()
    {
        var (connection, raw) = Peers.Half();
        using (connection)
        using (raw)
        {
            raw.Send([1]);
            Assert.Throws<InvalidDataException>(connection.ReceiveDescriptor);
            raw.Send([0, 0, 0, 1, 5]);
            Assert.Equal([5], connection.Receive());
        }
    }

    [Fact, Trait("Case", "56")]
    public async Task A_connection_travels_inside_a_value()
    {
        var (a, b) = Pipe.Create();
        var (near, far) = Pipe.Create(duplex: false);
        using (a)
        using (b)
        using (near)
        using (far)
        {
            for (var i = 0; i < 3; i++)
            {
                if (i == 2) await a.SendAsync(new(i, "way", far), PeersJson.Default.Parcel);
                else a.Send(new(i, "way", far), PeersJson.Default.Parcel);
                var parcel = i == 1 ? await b.ReceiveAsync(PeersJson.Default.Parcel) : b.Receive(PeersJson.Default.Parcel);
                using var way = parcel!.Way!;
                Assert.Equal((i, false, true), (parcel.Id, way.Readable, way.Writable));
                way.Send([(byte)i]);
                Assert.Equal([(byte)i], near.Receive());
            }
        }
    }

    [Fact, Trait("Case", "56")]
    public void A_connection_without_its_descriptor_is_refused()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            foreach (var way in new[] { """{"descriptor":0,"readable":true,"writable":true}""", """{"descriptor":-1}""", "7", "{}", "[]" })
            {
                a.Send(Encoding.UTF8.GetBytes($$"""{"Id":1,"Way":{{way}}}"""));
                Assert.True(Record.Exception(() => b.Receive(PeersJson.Default.Parcel)) is JsonException or NotSupportedException);
            }

            Assert.Throws<NotSupportedException>(() => JsonSerializer.Serialize(new(1, null, a), PeersJson.Default.Parcel));
        }
    }

    [Fact]
    public void Descriptors_that_nobody_asked_for_are_not_kept()
    {
        var (a, b) = Pipe.Create();
        var (near, far) = Pipe.Create();
        using (a)
        using (b)
        using (near)
        {
            a.Send(new(1, null, far), PeersJson.Default.Parcel);
            far.Close();
            b.Receive(); // As bytes: the descriptor is dropped, and was the last of that end.
            Assert.Throws<EndOfStreamException>(() => near.Receive());
        }
    }
}
