#!/usr/bin/env python3
"""A shop that sells tickets with a shop key: it holds places, takes the money, confirms, and prints the tickets.

Replies may get lost, servers may be busy or restart, this program may be killed: started again with the same customer, it goes on
where it was. Needs Python 3.8 and nothing else.

    RUSH_URL=http://127.0.0.1:8080 RUSH_KEY=rush_shop_... python3 shop.py SALE CUSTOMER TIER QUANTITY
"""
import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("RUSH_URL", "http://127.0.0.1:8080")
HEADERS = {"Authorization": "Bearer " + os.environ.get("RUSH_KEY", ""), "Content-Type": "application/json"}


def ask(method, path, body):
    """Asks until there is an answer that says what happened: a 200, or a refusal."""
    pause = 0.1
    while True:
        try:
            request = urllib.request.Request(URL + path, json.dumps(body).encode(), HEADERS, method=method)
            try:
                answer = urllib.request.urlopen(request, timeout=10)
            except urllib.error.HTTPError as refused:
                answer = refused
            with answer:
                if answer.code < 500 and answer.code != 429:
                    return answer.code, json.load(answer)
                pause = float(answer.headers.get("Retry-After") or pause)
        except (OSError, http.client.HTTPException, ValueError):
            pass  # No answer, or half of one: it may have happened. The same again tells.
        time.sleep(pause + random.random() / 10)
        pause = min(10, pause * 2)


def sell(sale, customer, tier, quantity):
    # The id is made and kept before anybody is asked: with it, asking twice is asking once. It also names the payment.
    note = f"shop-{sale}-{customer}.id"
    if not os.path.exists(note):
        with open(note, "w") as file:
            file.write(str(uuid.uuid4()))
    with open(note) as file:
        hold = file.read()

    path = f"/api/sales/{sale}/holds/{hold}"
    status, held = ask("PUT", path, {"buyer": customer, "items": [{"tier": tier, "quantity": quantity}]})
    if status == 200:
        # Here a real shop takes the money, once for each reference.
        print(f"Took {held['total']} {held['currency']} from {customer}, payment-{hold}")
        status, order = ask("POST", path + "/pay", {"reference": f"payment-{hold}"})
        if status == 200:
            print(f"Tickets for {customer}:", *(ticket["number"] for ticket in order["tickets"]))
        else:
            print(f"Too late: {order['code']}. Give {order.get('owedBack')} back to {customer}, payment-{hold}", file=sys.stderr)
    else:
        print(f"No places: {held['code']}. {held['detail']}", file=sys.stderr)
    os.remove(note)
    return 0 if status == 200 else 1


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("Usage: shop.py SALE CUSTOMER TIER QUANTITY")
    sys.exit(sell(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
