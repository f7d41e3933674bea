using System.Text;
using TicketRush.Multiprocessing.Connections;

namespace TicketRush.Multiprocessing.Tests.Connections;

public sealed class HandshakeTests
{
    private static readonly byte[] VectorKey = "supadupasecretkey"u8.ToArray();

    [Theory, Trait("Case", "60")]
    [InlineData("{sha256}is-twenty-bytes-long", "{sha256}", "0ed2bf5258efb96604b831848a9212d31f7468b3fc6fc61af1ebe84f08349e47")]
    [InlineData("is-twenty-bytes-long", "", "f08c5aa7ef61fc426b5b135fd8a223ae")]
    [InlineData("{sha384}is-twenty-bytes-long", "{sha384}",
        "6e1f8271304a4881208ccb08e87056add2ffad158e27907b7be42cc522d1a72702ceb7c5aa4ad6f504146d7d5d988f53")]
    public void A_challenge_is_answered_as_CPython_answers_it(string challenge, string prefix, string mac)
    {
        byte[] expected = [.. Encoding.ASCII.GetBytes(prefix), .. Convert.FromHexString(mac)];
        Assert.Equal(expected, Handshake.Respond(VectorKey, Encoding.ASCII.GetBytes(challenge), allowMd5: true));
    }

    [Theory]
    [InlineData("is-twenty-bytes-long"), InlineData("{md5}is-twenty-bytes-long"), InlineData("{MD5}is-twenty-bytes-long")]
    [InlineData("{sha1}is-twenty-bytes-long"), InlineData("{sha256is-twenty-bytes-long"), InlineData("short"), InlineData("")]
    [InlineData("no digest, but more than twenty bytes")]
    public void Md5_and_what_is_unknown_is_refused_by_whoever_is_asked_for_it(string challenge) =>
        Assert.Throws<AuthenticationFailedException>(
            () => Handshake.Respond(VectorKey, Encoding.ASCII.GetBytes(challenge), allowMd5: false));

    [Fact]
    public void Md5_is_refused_by_whoever_asked_for_something_better()
    {
        var challenge = "{sha256}0123456789012345678901234567890123456789"u8.ToArray();
        var sha256 = Handshake.Digest.Of(HandshakeDigest.Sha256);
        var bare = Handshake.Digest.Md5.Mac(VectorKey, challenge);
        byte[] named = [.. "{md5}"u8, .. bare];
        foreach (var response in new[] { bare, named })
        {
            Assert.Throws<AuthenticationFailedException>(() => Handshake.Verify(VectorKey, challenge, response, sha256, allowMd5: false));
            Handshake.Verify(VectorKey, challenge, response, sha256, allowMd5: true);
        }
    }

    [Fact]
    public void A_proof_of_another_length_or_another_digest_or_another_key_is_refused()
    {
        var challenge = "{sha256}0123456789012345678901234567890123456789"u8.ToArray();
        var sha256 = Handshake.Digest.Of(HandshakeDigest.Sha256);
        var right = Handshake.Respond(VectorKey, challenge, allowMd5: false);
        Handshake.Verify(VectorKey, challenge, right, sha256, allowMd5: false);
        byte[][] wrong =
        [
            right[..^1], [.. right, 0], "{sha256}"u8.ToArray(), [], [.. right[..^1], (byte)(right[^1] ^ 1)], right[8..],
            [.. "{sha384}"u8, .. Handshake.Digest.Of(HandshakeDigest.Sha384).Mac(VectorKey, challenge)],
            Handshake.Respond("another"u8.ToArray(), challenge, allowMd5: false),
        ];
        Assert.All(wrong, w => Assert.Throws<AuthenticationFailedException>(
            () => Handshake.Verify(VectorKey, challenge, w, sha256, allowMd5: false)));
    }

    [Theory, Trait("Case", "59")]
    [InlineData("the same", "the same", true), InlineData("", "", true), InlineData("one", "another", false), InlineData("", "some", false)]
    public async Task Equal_keys_pass_and_both_ends_hear_of_unequal_ones(string listeners, string clients, bool pass)
    {
        using var listener = new Listener(new ListenerOptions { AuthKey = Encoding.UTF8.GetBytes(listeners) });
        var failed = new TaskCompletionSource<AuthenticationFailedException>();
        listener.HandshakeFailed += e => failed.TrySetResult(e);
        var options = new ConnectionOptions { AuthKey = Encoding.UTF8.GetBytes(clients) };
        if (!pass)
        {
            Assert.Throws<AuthenticationFailedException>(() => Client.Connect(listener.EndPoint, options));
            await failed.Task.WaitAsync(Peers.Patience);
            await Assert.ThrowsAsync<AuthenticationFailedException>(() => Client.ConnectAsync(listener.EndPoint, options));
            options = new() { AuthKey = Encoding.UTF8.GetBytes(listeners) };
        }

        // It keeps serving.
        using var client = Client.Connect(listener.EndPoint, options);
        using var server = listener.Accept();
        using var second = await Client.ConnectAsync(listener.EndPoint, options);
        using var secondServer = await listener.AcceptAsync();
        client.Send([1]);
        second.Send([2]);
        Assert.Equal([1], server.Receive());
        Assert.Equal([2], secondServer.Receive());
    }

    [Theory]
    [InlineData(HandshakeDigest.Sha256, HandshakeDigest.Sha384)]
    [InlineData(HandshakeDigest.Sha384, HandshakeDigest.Sha256)]
    [InlineData(HandshakeDigest.Sha3_256, HandshakeDigest.Sha3_384)]
    public void Each_end_chooses_the_digest_that_the_other_proves_itself_with(HandshakeDigest listeners, HandshakeDigest clients)
    {
        Assert.SkipUnless(System.Security.Cryptography.HMACSHA3_256.IsSupported, "The system's OpenSSL has no SHA-3.");
        using var listener = new Listener(new ListenerOptions { AuthKey = Peers.Key, Digest = listeners });
        using var client = Client.Connect(listener.EndPoint, new() { AuthKey = Peers.Key, Digest = clients });
        using var server = listener.Accept();
        client.Send([1]);
        Assert.Equal([1], server.Receive());
    }

    [Theory, Trait("Case", "59")]
    [InlineData("#WELCOME#"), InlineData("#CHALLENGE"), InlineData(""), InlineData("something else")]
    public async Task A_first_message_that_is_no_challenge_fails_the_client(string first)
    {
        using var listener = new Listener();
        var connecting = Peers.Run(
            () => Assert.Throws<AuthenticationFailedException>(() => Client.Connect(listener.EndPoint, Peers.Keyed)));
        using var server = listener.Accept();
        server.Send(Encoding.ASCII.GetBytes(first));
        await connecting.WaitAsync(Peers.Patience);
    }

    [Fact]
    public void A_client_does_not_wait_for_a_silent_listener_for_ever()
    {
        using var listener = new Listener();
        var options = new ConnectionOptions { AuthKey = Peers.Key, HandshakeTimeout = TimeSpan.FromMilliseconds(100) };
        Assert.Throws<TimeoutException>(() => Client.Connect(listener.EndPoint, options));
    }

    // Goal: nothing that a peer says makes an end do anything but accept the one right conversation or refuse it by the one exception.
    // Method: an honest conversation of two state machines, in which a seed changes one message.
    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(5), InlineData(8), InlineData(13)]
    public void A_conversation_with_one_changed_message_always_fails(int seed)
    {
        var random = new Random(seed);
        var options = new ConnectionOptions { AuthKey = Peers.Key };
        for (var round = 0; round < 2000; round++)
        {
            var listener = new Handshake(Peers.Key, options, isListener: true);
            var client = new Handshake(Peers.Key, options, isListener: false);
            var changed = round % 7; // 6: none is
            var count = 0;
            var error = Record.Exception(() =>
            {
                var (from, to) = (listener, client);
                for (byte[]? message = listener.Begin(); message is not null; (from, to) = (to, from))
                {
                    if (count++ == changed) message = Change(message, random);
                    message = to.Continue(message);
                }
            });

            if (changed == 6)
            {
                Assert.Null(error);
                Assert.True(listener.IsDone && client.IsDone);
            }
            else
            {
                Assert.True(error is AuthenticationFailedException, $"{changed}: {error}");
                Assert.False(listener.IsDone && client.IsDone);
            }
        }
    }

    private static byte[] Change(byte[] message, Random random)
    {
        var changed = (byte[])message.Clone();
        switch (random.Next(4))
        {
            case 0:
                // What is signed must not change, and so not what is not: the random part of a challenge is the challenger's to choose.
                changed[random.Next(Math.Min(11, changed.Length))] ^= (byte)(1 << random.Next(8));
                return changed;
            case 1:
                return changed[..random.Next(Math.Min(20, changed.Length))];
            case 2:
                random.NextBytes(changed);
                return changed;
            default:
                return [.. changed, .. new byte[1 + random.Next(300)]];
        }
    }
}
