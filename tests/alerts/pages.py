"""Reading the alert centre's pages: their text, their forms, and what is wrong in them."""

import re

CENTRE = "/admin/alerts/"


def text(answer):
    return answer.content.decode()


def errors(answer):
    """Each field of a form with what is wrong with it."""
    fields = re.split(r'data-field="(\w+)"', text(answer))[1:]
    return {
        name: re.findall(r'<p class="pa-error">([^<]+)</p>', html)
        for name, html in zip(fields[::2], fields[1::2], strict=True)
        if '<p class="pa-error">' in html
    }


def form_of(client, url):
    """What a browser would send of the form that the address shows, unchanged."""
    page = text(client.get(url))
    html = page[page.index("data-edit-form") :]
    html = html[: html.index("</form>")]
    sent: dict[str, object] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name = re.search(r' name="([^"]+)"', tag)
        value = re.search(r' value="([^"]*)"', tag)
        if not name or name.group(1) == "csrfmiddlewaretoken":
            continue
        if 'type="checkbox"' in tag:
            if " checked" in tag:
                sent.setdefault(name.group(1), []).append(value.group(1) if value else "on")
        else:
            sent[name.group(1)] = value.group(1).replace("&#x27;", "'") if value else ""
    for name, body in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', body)
        sent[name] = chosen.group(1).replace("&gt;", ">").replace("&lt;", "<") if chosen else ""
    for name, body in re.findall(
        r'<textarea name="([^"]+)"[^>]*>(.*?)</textarea>', html, re.DOTALL
    ):
        sent[name] = body.strip().replace("&#x27;", "'")
    return sent
